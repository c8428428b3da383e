/* Whole stages, from their settings to `done`, with memory that runs out: what is not refused with a sentence has the
 * files of a run with enough. */
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failing_memory.h"
#include "stages/stages.h"

/* As small as they go: each is run hundreds of times. */
static const char *const settings[] = {"run.threads=1",
                                       "run.checkpoint_seconds=0",
                                       "sample.people=6",
                                       "sample.pictures=3",
                                       "sample.width=96",
                                       "sample.height=80",
                                       "sample.backgrounds=4",
                                       "sample.playlists=50",
                                       "sample.songs=100",
                                       "faces.input=@sample/faces.zip",
                                       "faces.layout=kface",
                                       "faces.frame_width=96",
                                       "faces.frame_height=80",
                                       "faces.validation=0.2",
                                       "faces.test=0.3",
                                       "cascade.backgrounds=@sample/backgrounds.zip",
                                       "cascade.window_width=12",
                                       "cascade.window_height=12",
                                       "cascade.num_pos=20",
                                       "cascade.num_neg=20",
                                       "cascade.stages=1",
                                       "cascade.max_weak_count=2",
                                       "cascade.copies=1",
                                       "cascade.min_hit_rate=0.9",
                                       "cascade.max_false_alarm=0.9",
                                       "preprocess.size=32",
                                       "preprocess.detect_scale=4",
                                       "preprocess.detect_min_size=70",
                                       "network.cut=block1_pool",
                                       "emotion.average_pool=16",
                                       "emotion.epochs=2",
                                       "emotion.batch=8",
                                       "playlists.input=@sample/playlists.json",
                                       "playlists.song_meta=@sample/song_meta.json",
                                       "playlists.matrix_market=yes",
                                       "tags.size=2",
                                       "tags.epochs=1",
                                       "als.factors=2",
                                       "als.iterations=1",
                                       "evaluate.bootstrap=10",
                                       "evaluate.leaks=ignore"};
static const char *const upstream[] = {"sample",    "faces", "cascade", "features", "emotion",
                                       "playlists", "tags",  "als",     "evaluate"};

/* A run of a stage, into a folder of its own; `instead` reads the results of such a one instead of those of the stage
 * that it names. */
struct stage_walk {
	const char *stage, *out;
	const char *more[8]; /* settings */
	const char *instead[2][2];
	const char *kept; /* a checkpoint that each run finds and goes on from */
};

#define WORD(text) ((char *)(uintptr_t)(text))

static struct {
	char *folder, *try;
	const struct stage_walk *walk;
	char *checkpoint; /* the bytes of walk->kept */
	size_t checkpoint_size;
} now;

/* ---- what a run leaves ---- */

static uint64_t calm_files; /* of an undisturbed run */

static bool is(const char *path, const char *name)
{
	return strcmp(path_name(path), name) == 0;
}

static void add_file(struct strbuf *all, const char *path)
{
	struct err err = {0};
	char *text, *rest, *line;
	size_t size;
	assert_ok(file_read(path, (size_t)1 << 24, &text, &size, &err));
	strbuf_format(all, "%s\n", path);
	if (!is(path, "done"))
		strbuf_add_bytes(all, text, size);
	for (rest = text; is(path, "done") && (line = strsep(&rest, "\n"));)
		if (!strstr(line, "seconds") && !strstr(line, "peak_memory"))
			strbuf_format(all, "%s\n", line);
	free(text);
}

/* Without what may be lost (the log) and what differs from run to run (times, memory). */
static uint64_t files_left(void)
{
	struct path_list files = {0};
	struct strbuf all = {0};
	struct err err = {0};
	assert_ok(folder_walk(&files, now.try, &err));
	for (size_t i = 0; i < files.count; i++)
		if (!is(files.items[i], "log.jsonl"))
			add_file(&all, files.items[i]);
	assert_ok(strbuf_check(&all, &err));
	uint64_t sum = hash64(all.text, all.length, 1);
	strbuf_free(&all);
	path_list_free(&files);
	return sum;
}

static bool same_files(void)
{
	return files_left() == calm_files;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

/* ---- a run ---- */

static char *input_of(const char *name)
{
	const char *from = name;
	static char texts[ARRAY_COUNT(upstream)][1200];
	static size_t next;
	char *text = texts[next++ % ARRAY_COUNT(upstream)];
	for (size_t i = 0; i < ARRAY_COUNT(now.walk->instead); i++)
		if (now.walk->instead[i][0] && strcmp(now.walk->instead[i][0], name) == 0)
			from = now.walk->instead[i][1];
	snprintf(text, sizeof texts[0], "%s=%s", name, scratch_path(now.folder, from));
	return text;
}

static const char *in_try(const char *name)
{
	static char path[1200];
	snprintf(path, sizeof path, "%s/%s", now.try, name);
	return path;
}

/* By the C library alone: what runs out is not to strike the test's own hand. */
static void put_checkpoint(void)
{
	FILE *file;
	assert_int_equal(mkdir(now.try, 0755), 0);
	assert_non_null(file = fopen(in_try(now.walk->kept), "wb"));
	assert_int_equal(fwrite(now.checkpoint, 1, now.checkpoint_size, file), now.checkpoint_size);
	assert_int_equal(fclose(file), 0);
}

static int run(struct err *err)
{
	char *words[2 * (ARRAY_COUNT(settings) + ARRAY_COUNT(now.walk->more) + ARRAY_COUNT(upstream)) + 2];
	int count = 0;
	nftw(now.try, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (now.checkpoint)
		put_checkpoint();
	for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
		words[count++] = WORD("--set"), words[count++] = WORD(settings[i]);
	for (size_t i = 0; i < ARRAY_COUNT(now.walk->more) && now.walk->more[i]; i++)
		words[count++] = WORD("--set"), words[count++] = WORD(now.walk->more[i]);
	for (size_t i = 0; i < ARRAY_COUNT(upstream); i++)
		words[count++] = WORD("--in"), words[count++] = input_of(upstream[i]);
	words[count++] = WORD("--out"), words[count++] = now.try;
	return stage_command(stage_find(now.walk->stage), count, words, err);
}

/* What a run leaves whose memory is too little for one of its last allocations, before it removes the checkpoint. */
static void take_checkpoint(void)
{
	struct err err = {0};
	memory_forget();
	memory_arm(LONG_MAX, false);
	assert_ok(run(&err));
	long all = atomic_load(&memory.count);
	for (long n = all; n == all || !path_exists(in_try(now.walk->kept)); n -= all / 50 + 1) {
		assert_true(n > 0);
		memory_forget();
		memory_arm(n, false);
		(void)!run(&err);
		memory_disarm();
	}
	assert_ok(file_read(in_try(now.walk->kept), (size_t)1 << 26, &now.checkpoint, &now.checkpoint_size, &err));
}

static void drop_checkpoint(void)
{
	free(now.checkpoint);
	now.checkpoint = NULL;
}

static void assert_resumed(void)
{
	struct err err = {0};
	char *log;
	size_t size;
	assert_ok(file_read(in_try("log.jsonl"), (size_t)1 << 24, &log, &size, &err));
	assert_non_null(strstr(log, "goes on at"));
	free(log);
}

static size_t walk(const struct stage_walk *walk)
{
	struct err err = {0};
	now.walk = walk;
	if (run(&err) != OK)
		fail_msg("%s: %s", walk->out, err.text);
	calm_files = files_left();
	if (walk->kept) {
		take_checkpoint();
		assert_ok(run(&err));
		assert_resumed();
	}
	size_t wrong = memory_walk_places(&(struct attempt){walk->out, run}, same_files);
	if (run(&err) != OK)
		fail_msg("%s: %s", walk->out, err.text);
	drop_checkpoint();
	assert_int_equal(rename(now.try, scratch_path(now.folder, walk->out)), 0);
	return wrong;
}

static const struct stage_walk walks[] = {
    {.stage = "sample", .out = "sample"},
    {.stage = "faces", .out = "faces"},
    {.stage = "cascade", .out = "cascade"},
    {.stage = "features", .out = "features"},
    {.stage = "emotion", .out = "emotion"},
    {.stage = "playlists", .out = "playlists"},
    {.stage = "tags", .out = "tags"},
    {.stage = "als", .out = "als"},
    {.stage = "evaluate", .out = "evaluate"},
    {.stage = "pack", .out = "pack"},
    {.stage = "report", .out = "report", .more = {"report.faces=yes"}},
    {.stage = "cascade", .out = "cascade_deep", .more = {"cascade.max_depth=2", "cascade.mode=ALL"}},
    {.stage = "features",
     .out = "features_varied",
     .more = {"augment.copies=1", "augment.blur=1", "augment.cutout=0.2"}},
    {.stage = "emotion",
     .out = "emotion_folds",
     .more = {"emotion.folds=2", "emotion.hidden=3", "emotion.dropout=0.5"}},
    {.stage = "features", .out = "features_layers", .more = {"emotion.trainable=all"}},
    {.stage = "emotion",
     .out = "emotion_layers",
     .more = {"emotion.trainable=all", "emotion.tune_epochs=1"},
     .instead = {{"features", "features_layers"}}},
    {.stage = "emotion",
     .out = "emotion_resumed",
     .more = {"emotion.trainable=all", "emotion.tune_epochs=2", "emotion.checkpoint_steps=1"},
     .instead = {{"features", "features_layers"}},
     .kept = "tuning.part"},
    {.stage = "evaluate", .out = "evaluate_external", .more = {"evaluate.external=@sample/faces.zip"}},
    {.stage = "pack", .out = "pack_songs", .more = {"pack.new_songs=@sample/playlists.json"}},
};

static void stages(void **state)
{
	(void)state;
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_COUNT(walks); i++)
		wrong += walk(&walks[i]);
	if (wrong)
		fail_msg("%zu times", wrong);
}

/* ---- commands about the results ------------------------------------------------------------------------------ */

static char *path_of(const char *name)
{
	return (char *)(uintptr_t)scratch_path(now.folder, name);
}

static char *in_folder(const char *stage)
{
	static char texts[2][1200];
	static size_t next;
	char *text = texts[next++ % 2];
	snprintf(text, sizeof texts[0], "%s=%s", stage, path_of(stage));
	return text;
}

static int plan(struct err *err)
{
	char *words[] = {WORD("--config"), path_of("plan.ini"), WORD("--store"), now.try, WORD("--out"), path_of("plan.mk"),
	                 WORD("sample"), WORD("playlists"), WORD("tags:playlists"), WORD("als:playlists")};
	nftw(now.try, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return plan_command(ARRAY_COUNT(words), words, err);
}

static int status(struct err *err)
{
	char *words[] = {WORD("--store"), now.try, path_of("plan.json"), path_of("last.json")};
	return status_command(ARRAY_COUNT(words), words, err);
}

static int summary(struct err *err)
{
	char *words[] = {WORD("--in"), in_folder("evaluate"), WORD("--exp"), WORD("small"), WORD("--out"), now.folder};
	return summary_command(ARRAY_COUNT(words), words, err);
}

static int forward(struct err *err)
{
	char *words[] = {WORD("--forward"), path_of("in.npy"), WORD("--cut"), WORD("block1_pool"), WORD("--size"),
	                 WORD("32"),        WORD("--threads"), WORD("1"),     WORD("--out"),       path_of("out.npy")};
	return network_command(ARRAY_COUNT(words), words, err);
}

static int summarise(struct err *err)
{
	char *words[] = {WORD("--summary"), WORD("--size"), WORD("32")};
	return network_command(ARRAY_COUNT(words), words, err);
}

static int arena(struct err *err)
{
	char *words[] = {path_of("sample/playlists.json"), WORD("--set"), WORD("run.threads=1"), WORD("--in"),
	                 in_folder("playlists"),           WORD("--in"),  in_folder("als"),      WORD("--out"),
	                 path_of("results.json")};
	return arena_command(ARRAY_COUNT(words), words, err);
}

static int compare(struct err *err)
{
	char *words[] = {now.folder, now.folder};
	return compare_command(ARRAY_COUNT(words), words, err);
}

static int verify(struct err *err)
{
	char *words[] = {WORD("--exp"), now.folder};
	return verify_command(ARRAY_COUNT(words), words, err);
}

static int nearest(struct err *err)
{
	return tags_nearest_command(path_of("tags"), "여름", 3, err);
}

static int describe(struct err *err)
{
	return faces_describe_command(path_of("faces"), err);
}

static int draw(struct err *err)
{
	return cascade_draw_file(path_of("cascade"), path_of("drawn.png"), 3, err);
}

static const struct attempt command_attempts[] = {
    {"plan", plan},
    {"status", status},
    {"summary", summary},
    {"network --forward", forward},
    {"network --summary", summarise},
    {"arena", arena},
    {"nearest", nearest},
    {"describe", describe},
    {"draw", draw},
    {"compare", compare},
    {"verify", verify},
};

static void write_inputs(void)
{
	struct err err = {0};
	static const char last[] = "{\"stages\":{\"als\":{\"identity\":[\"als 1\"]}}}";
	static const char record[] =
	    "{\"overrides\":[\"als.factors=2\"],\"stages\":{\"faces\":{\"id\":\"a\",\"identity\":[\"faces 1\"]},"
	    "\"als\":{\"id\":\"b\",\"identity\":[\"als 1\",\"als.factors=2\"]},"
	    "\"evaluate\":{\"id\":\"c\",\"identity\":[\"evaluate 1\",\"reads als b\"],\"reads\":[\"als\"]}}}";
	static float zeros[32 * 32 * 3];
	const struct npy in = {.type = NPY_F32, .rank = 4, .dims = {1, 32, 32, 3}, .item = 4, .data = zeros};
	struct strbuf ini = {0};
	strbuf_format(&ini, "[playlists]\ninput = %s/sample/playlists.json\n", now.folder);
	assert_ok(npy_save(&in, path_of("in.npy"), &err));
	assert_ok(file_write(path_of("plan.ini"), ini.text, ini.length, &err));
	assert_ok(file_write(path_of("last.json"), last, strlen(last), &err));
	strbuf_free(&ini);
	/* The folder is laid out as that of an experiment. */
	assert_ok(file_write(path_of("run.json"), record, strlen(record), &err));
	assert_int_equal(symlink("evaluate/metrics.json", path_of("metrics.json")), 0);
}

static void commands(void **state)
{
	(void)state;
	size_t wrong = 0, places = 0;
	int kept = stdout_away();
	write_inputs();
	for (size_t i = 0; i < ARRAY_COUNT(command_attempts); i++, places += memory_places.count)
		wrong += memory_walk_places(&command_attempts[i], NULL);
	stdout_back(kept);
	print_message("commands: %zu places\n", places);
	if (wrong)
		fail_msg("%zu times", wrong);
}

/* Which starts slowly; it is no part of what fails here. */
static void stand_in_for_gnuplot(void)
{
	static const char draws[] = "#!/bin/sh\necho '<svg><g id=\"gnuplot_canvas\"></g></svg>'\n";
	struct err err = {0};
	char path[1200];
	const char *program = scratch_path(now.folder, "gnuplot");
	assert_ok(file_write(program, draws, strlen(draws), &err));
	assert_int_equal(chmod(program, 0755), 0);
	snprintf(path, sizeof path, "%s:%s", now.folder, getenv("PATH"));
	assert_int_equal(setenv("PATH", path, 1), 0);
}

static int set_up(void **state)
{
	(void)state;
	now.folder = scratch_new();
	now.try = strdup(scratch_path(now.folder, "try"));
	stand_in_for_gnuplot();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(now.folder);
	free(now.try);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stages),
	    cmocka_unit_test(commands),
	};
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
