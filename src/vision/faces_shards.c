/*
 * faces.h5 in shards. A shard is a store of its own (faces_rows.c) for a run of people; where shards are cut follows
 * from the pictures alone, and which rank reads one leaves no trace in it. What became of its pictures stays beside
 * each until the very end: rank 0 reads that back, in order, to learn what the others have done, and a later run to go
 * on, with as many ranks as it has.
 */
#include "vision/faces_read_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARDS_MOST ((size_t)256)
#define SHARD_FACES ((size_t)32)

/* ---- where they are cut ------------------------------------------------------------------------ */

/* Nobody known is one person with nobody else. */
static bool begins_person(const struct face_set *set, size_t i)
{
	const struct face *before = &set->faces[i - 1], *face = &set->faces[i];
	return face->person == FACE_NOBODY || face->person != before->person || face->source != before->source;
}

int faces_shards_cut(const struct face_set *set, size_t **start, size_t *count, struct err *err)
{
	size_t shares = set->count / SHARD_FACES, n = 0;
	shares = shares < 1 ? 1 : shares > SHARDS_MOST ? SHARDS_MOST : shares;
	size_t *cuts = mem_alloc(shares + 1, sizeof *cuts, err);
	if (!cuts)
		return err->code;
	/* At the first person of each share of the pictures; a person as large as several has them all. */
	for (size_t i = 1; i < set->count; i++)
		if (i * shares / set->count > cuts[n] * shares / set->count && begins_person(set, i))
			cuts[++n] = i;
	cuts[++n] = set->count;
	*start = cuts;
	*count = n;
	return OK;
}

/* ---- their files ---------------------------------------------------------------------------------- */

/* "out/faces.h5" → "out/faces.3.h5". */
static char *shard_path(const struct faces_shards *shards, size_t shard, struct err *err)
{
	const char *extension = path_extension(shards->path);
	return mem_format(err, "%.*s%zu.%s", (int)(extension - shards->path), shards->path, shard, extension);
}

static void shard_identity(const struct faces_shards *shards, size_t shard, char hex[SHA256_HEX])
{
	char text[SHA256_HEX + 80];
	int length = snprintf(text, sizeof text, "%s %zu %zu %zu", shards->work, shard, shards->start[shard],
	                      shards->start[shard + 1]);
	sha256_bytes(text, (size_t)length, hex);
}

static int open_shard(const struct faces_shards *shards, size_t shard, struct faces_store **out, struct err *err)
{
	char hex[SHA256_HEX], *path = shard_path(shards, shard, err);
	if (!path)
		return err->code;
	shard_identity(shards, shard, hex);
	int status = faces_store_open(out, path, hex, shards->settings, err);
	free(path);
	return status;
}

/* Is `name` that of a shard's file, FACES.K.h5, .part or .rows.part, with K at least `from`? */
static bool is_shard(const struct faces_shards *shards, const char *name, size_t from)
{
	const char *own = path_name(shards->path), *extension = path_extension(own);
	size_t stem = (size_t)(extension - own);
	char *end;
	if (strncmp(name, own, stem) != 0 || !isdigit((unsigned char)name[stem]))
		return false;
	unsigned long long number = strtoull(name + stem, &end, 10);
	if (*end != '.' || strncmp(end + 1, extension, strlen(extension)) != 0)
		return false;
	end += 1 + strlen(extension);
	return number >= from && (strcmp(end, "") == 0 || strcmp(end, ".part") == 0 || strcmp(end, ".rows.part") == 0);
}

static int remove_shards(const struct faces_shards *shards, size_t from, struct err *err)
{
	struct path_list files = {0};
	char *folder = mem_format(err, "%.*s.", (int)(path_name(shards->path) - shards->path), shards->path);
	int status = folder ? folder_walk(&files, folder, err) : err->code;
	for (size_t i = 0; status == OK && i < files.count; i++) {
		/* Not those of a folder inside it. */
		const char *name = files.items[i] + strlen(folder) + 1;
		if (is_shard(shards, name, from) && unlink(files.items[i]) != 0)
			status = err_errno(err, "%s: cannot be removed", files.items[i]);
	}
	path_list_free(&files);
	free(folder);
	return status;
}

/* What one process had begun as one file. */
static int remove_single(const struct faces_shards *shards, struct err *err)
{
	static const char *const ends[] = {".part", ".rows.part"};
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		char *path = mem_format(err, "%s%s", shards->path, ends[i]);
		if (!path)
			return err->code;
		unlink(path);
		free(path);
	}
	return OK;
}

/* ---- opening ------------------------------------------------------------------------------------------ */

struct shard_replay {
	size_t next, end; /* faces */
};

static int replay_nothing(const struct face_outcome *outcome, void *context, struct err *err)
{
	struct shard_replay *replay = context;
	if (outcome->face != replay->next || outcome->face >= replay->end)
		return err_set(err, ERR_DATA, "the rows of face %zu do not fit their shard; remove the folder and run again",
		               outcome->face);
	replay->next++;
	return OK;
}

/* Opens a shard behind what it has; *settled: faces that it is done with. */
static int resume_shard(const struct faces_shards *shards, size_t shard, struct faces_store **out, size_t *settled,
                        struct err *err)
{
	struct shard_replay at = {.next = shards->start[shard], .end = shards->start[shard + 1]};
	struct face_replay replay = {.settled = replay_nothing, .context = &at};
	struct faces_store *store = NULL;
	int status = open_shard(shards, shard, &store, err);
	if (status == OK)
		status = faces_store_replay(store, NULL, &replay, err);
	*settled = at.next - shards->start[shard];
	if (status == OK)
		*out = store;
	else
		faces_store_discard(store);
	return status;
}

/* On rank 0, before anything is dealt: nobody else has a shard open. */
static int look_at_shards(struct faces_shards *shards, struct err *err)
{
	int status = OK;
	for (size_t k = 0; status == OK && k < shards->count; k++) {
		char hex[SHA256_HEX], *path = shard_path(shards, k, err);
		struct faces_store *store = NULL;
		bool begun = false;
		shard_identity(shards, k, hex);
		status = path ? faces_store_begun(path, hex, &begun, err) : err->code;
		if (status == OK && begun)
			status = resume_shard(shards, k, &store, &shards->settled[k], err);
		faces_store_discard(store);
		free(path);
	}
	return status;
}

static int any_begun(const struct faces_shards *shards, bool *begun, struct err *err)
{
	int status = OK;
	*begun = false;
	for (size_t k = 0; status == OK && !*begun && k < shards->count; k++) {
		char hex[SHA256_HEX], *path = shard_path(shards, k, err);
		shard_identity(shards, k, hex);
		status = path ? faces_store_begun(path, hex, begun, err) : err->code;
		free(path);
	}
	return status;
}

/* Rank 0's to decide and to tidy up for. */
static int choose_shards(const struct faces_shards *shards, bool *several, struct err *err)
{
	int status = OK;
	bool begun = false;
	if (comm_publishes()) {
		status = any_begun(shards, &begun, err);
		*several = *several || comm_size() > 1 || begun;
		if (status == OK)
			status = remove_shards(shards, *several ? shards->count : 0, err);
		if (status == OK && *several)
			status = remove_single(shards, err);
	}
	return status == OK ? comm_broadcast(several, sizeof *several, 0, err) : status;
}

/* The ranks must read the same pictures: each has looked for itself. */
static int check_alike(const struct faces_shards *shards, const struct face_set *set, struct err *err)
{
	struct {
		char work[SHA256_HEX];
		uint64_t pictures;
	} first = {.pictures = set->count};
	memcpy(first.work, shards->work, sizeof first.work);
	int status = comm_broadcast(&first, sizeof first, 0, err);
	if (status != OK || strcmp(first.work, shards->work) == 0)
		return status;
	return err_set(err, ERR_DATA,
	               "%s: this rank sees other pictures than rank 0 (%zu, there %ju); all must see the same files of the "
	               "same size and time",
	               set->n_sources > 0 ? set->sources[0].root : "faces.input", set->count, (uintmax_t)first.pictures);
}

static int shards_new(struct faces_shards *shards, const char *path, const struct face_set *set, struct err *err)
{
	if (!(shards->path = mem_text(path, err)) || faces_work_identity(set, shards->settings, shards->work, err) != OK ||
	    faces_shards_cut(set, &shards->start, &shards->count, err) != OK ||
	    !(shards->settled = mem_alloc(shards->count, sizeof *shards->settled, err)) ||
	    !(shards->rows = mem_alloc(shards->count, sizeof *shards->rows, err)) ||
	    !(shards->todo = mem_alloc(shards->count, sizeof *shards->todo, err)))
		return err->code;
	return check_alike(shards, set, err);
}

int faces_shards_open(struct faces_shards **out, const char *path, const struct face_set *set,
                      const struct faces_settings *settings, bool several, struct err *err)
{
	struct faces_shards *shards = mem_alloc(1, sizeof *shards, err);
	if (!shards)
		return err->code;
	shards->settings = settings;
	int status = shards_new(shards, path, set, err);
	if (status == OK)
		status = choose_shards(shards, &several, err);
	*out = status == OK && several ? shards : NULL;
	if (!*out)
		faces_shards_free(shards);
	return status;
}

void faces_shards_free(struct faces_shards *shards)
{
	if (!shards)
		return;
	faces_store_discard(shards->store);
	free(shards->path);
	free(shards->start);
	free(shards->settled);
	free(shards->rows);
	free(shards->todo);
	free(shards);
}

static uint64_t file_bytes(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

int faces_shards_bytes(const struct faces_shards *shards, uint64_t *out, struct err *err)
{
	uint64_t bytes = 0;
	int status = OK;
	for (size_t k = 0; status == OK && k < shards->count; k++) {
		char *path = shard_path(shards, k, err), *part = path ? mem_format(err, "%s.part", path) : NULL;
		status = part ? OK : err->code;
		bytes += status == OK ? file_bytes(path) + file_bytes(part) : 0;
		free(part);
		free(path);
	}
	*out = bytes;
	return status;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static size_t shard_faces(const struct faces_shards *shards, size_t shard)
{
	return shards->start[shard + 1] - shards->start[shard] - shards->settled[shard];
}

int faces_shards_begin(struct read_job *job, struct err *err)
{
	struct faces_shards *shards = job->shards;
	size_t before = 0;
	int status = comm_publishes() ? look_at_shards(shards, err) : OK;
	if (status == OK)
		status = comm_broadcast(shards->settled, shards->count * sizeof *shards->settled, 0, err);
	shards->n_todo = 0;
	for (size_t k = 0; status == OK && k < shards->count; k++) {
		before += shards->settled[k];
		if (shard_faces(shards, k) > 0)
			shards->todo[shards->n_todo++] = k;
	}
	if (status == OK && before > 0)
		log_info("faces", "goes on behind %zu of %zu pictures", before, job->n_chosen);
	progress_add(&job->progress, before);
	if (status == OK)
		status = comm_deal_begin(&shards->deal, shards->n_todo, err);
	shards->written = SIZE_MAX;
	return status == OK ? faces_shards_next(job, err) : status;
}

int faces_shards_next(struct read_job *job, struct err *err)
{
	struct faces_shards *shards = job->shards;
	uint64_t number;
	if (comm_deal_next(&shards->deal, &number, err) != OK)
		return err->code;
	shards->dealt = (size_t)number;
	job->cursor = job->end = job->n_chosen;
	if (number < shards->n_todo) {
		size_t shard = shards->todo[number];
		job->cursor = shards->start[shard] + shards->settled[shard];
		job->end = shards->start[shard + 1];
	}
	return OK;
}

static int close_shard(struct faces_shards *shards, struct err *err)
{
	int status = shards->store ? faces_store_flush(shards->store, err) : OK;
	faces_store_discard(shards->store);
	shards->store = NULL;
	return status;
}

/* What is dealt to others between two of this rank's shards is on its way, too. */
static void count_others(struct read_job *job, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		progress_add(&job->progress, shard_faces(job->shards, job->shards->todo[i]));
}

int faces_shards_row(struct read_job *job, const struct read_slot *slot, struct err *err)
{
	struct faces_shards *shards = job->shards;
	struct face_outcome outcome = {.face = slot->face, .lost_box = slot->lost_box, .reason = slot->reason};
	int status = OK;
	if (slot->deal != shards->written) {
		size_t settled;
		status = close_shard(shards, err);
		if (status == OK)
			status = resume_shard(shards, shards->todo[slot->deal], &shards->store, &settled, err);
		count_others(job, shards->written + 1, slot->deal);
		shards->written = slot->deal;
	}
	if (status == OK)
		status =
		    faces_store_row(shards->store, job->set, &outcome, slot->out, slot->reason[0] ? 0 : slot->out_size, err);
	progress_add(&job->progress, 1);
	return status;
}

/* What all ranks have read comes to rank 0's set, shard by shard. */
static int settle_shards(struct read_job *job, const struct face_replay *replay, struct err *err)
{
	struct faces_shards *shards = job->shards;
	int status = OK;
	job->cursor = 0;
	for (size_t k = 0; status == OK && k < shards->count; k++) {
		struct faces_store *store = NULL;
		if ((status = open_shard(shards, k, &store, err)) == OK)
			status = faces_store_replay(store, job->set, replay, err);
		if (status == OK && job->cursor != shards->start[k + 1])
			status =
			    err_set(err, ERR_IO,
			            "%s: shard %zu, which another rank made, is not whole here (%zu of %zu pictures); all ranks "
			            "must have the folder in common",
			            shards->path, k, job->cursor - shards->start[k], shards->start[k + 1] - shards->start[k]);
		if (status == OK)
			shards->rows[k] = faces_store_rows(store);
		faces_store_discard(store);
	}
	return status;
}

int faces_shards_end(struct read_job *job, const struct face_replay *replay, struct err *err)
{
	struct faces_shards *shards = job->shards;
	int status = close_shard(shards, err);
	count_others(job, shards->written + 1, shards->n_todo);
	if (status == OK)
		status = comm_barrier(err);
	if (status == OK && comm_publishes())
		status = settle_shards(job, replay, err);
	return status == OK ? comm_broadcast(shards->rows, shards->count * sizeof *shards->rows, 0, err) : status;
}

/* ---- making the files ------------------------------------------------------------------------------------- */

static int finish_shard(const struct faces_shards *shards, size_t shard, struct err *err)
{
	struct faces_store *store = NULL;
	size_t settled;
	int status = resume_shard(shards, shard, &store, &settled, err);
	if (status == OK && faces_store_rows(store) != shards->rows[shard]) {
		faces_store_discard(store);
		return err_set(err, ERR_IO,
		               "%s: shard %zu has other rows here than on rank 0; all ranks must have the folder in common",
		               shards->path, shard);
	}
	return status == OK ? faces_store_finish_rows(store, err) : status;
}

int faces_shards_finish(struct faces_shards *shards, struct err *err)
{
	struct comm_deal deal;
	uint64_t shard = 0;
	int status = comm_deal_begin(&deal, shards->count, err);
	while (status == OK && (status = comm_deal_next(&deal, &shard, err)) == OK && shard < shards->count) {
		status = stop_check("building faces.h5", err);
		if (status == OK)
			status = finish_shard(shards, (size_t)shard, err);
	}
	return status == OK ? comm_barrier(err) : status;
}

/* The shards that have rows, and all the rest of faces.h5. */
static int write_joined(const struct faces_shards *shards, const struct face_set *set, const struct hdf_part *parts,
                        size_t n_parts, bool synthetic, struct err *err)
{
	const struct hdf_shape shape = {
	    .type = HDF_U8,
	    .rank = 4,
	    .dims = {set->count, (size_t)shards->settings->frame_height, (size_t)shards->settings->frame_width, 3}};
	struct hdf_file *file = NULL;
	int status = hdf_create(&file, shards->path, err);
	if (status == OK)
		status = hdf_create_joined(file, "pixels", &shape, parts, n_parts, err);
	if (status == OK)
		status = faces_columns_write(file, set, synthetic, err);
	if (status == OK)
		return hdf_commit(file, err);
	hdf_close(file);
	return status;
}

/* faces.h5 stands: nothing is to be gone on with any more. */
static int remove_notes(const struct faces_shards *shards, struct err *err)
{
	int status = OK;
	for (size_t k = 0; status == OK && k < shards->count; k++) {
		char *path = shard_path(shards, k, err), *rows = path ? mem_format(err, "%s.rows.part", path) : NULL;
		status = rows ? OK : err->code;
		if (status == OK)
			unlink(rows);
		free(rows);
		free(path);
	}
	return status;
}

int faces_shards_join(struct faces_shards *shards, const struct face_set *set, bool synthetic, struct err *err)
{
	size_t n = 0;
	struct hdf_part *parts = mem_alloc(shards->count, sizeof *parts, err);
	char **paths = parts ? mem_alloc(shards->count, sizeof *paths, err) : NULL;
	int status = paths ? OK : err->code;
	for (size_t k = 0; status == OK && k < shards->count; k++) {
		if (shards->rows[k] == 0)
			continue;
		paths[n] = shard_path(shards, k, err);
		status = paths[n] ? OK : err->code;
		if (status == OK)
			parts[n] = (struct hdf_part){.file = path_name(paths[n]), .rows = shards->rows[k]};
		n += status == OK;
	}
	if (status == OK)
		status = write_joined(shards, set, parts, n, synthetic, err);
	if (status == OK)
		status = remove_notes(shards, err);
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
	free(parts);
	return status;
}
