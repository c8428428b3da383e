/* `done`: what a finished stage says of itself: its outputs with their hashes, its settings and inputs, the program,
 * time, memory. */
#include "base/comm.h"
#include "stages/frame_internal.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "num/num.h"

static int done_add(struct json *outputs, const char *folder, const char *name, struct err *err)
{
	char hex[SHA256_HEX], *path = path_join(folder, name, err);
	if (!path)
		return err->code;
	struct stat info;
	int status = sha256_file(path, hex, err);
	if (status == OK && stat(path, &info) != 0)
		status = err_errno(err, "%s: cannot be looked at", path);
	if (status == OK) {
		struct json *entry = json_set_object(outputs, name);
		json_set_text(entry, "sha256", hex);
		json_set_integer(entry, "bytes", (int64_t)info.st_size);
	}
	free(path);
	return status;
}

static int done_add_folder(struct json *outputs, const char *folder, const char *name, struct err *err)
{
	struct path_list files = {0};
	char *path = path_join(folder, name, err);
	int status = path ? folder_walk(&files, path, err) : err->code;
	for (size_t i = 0; status == OK && i < files.count; i++)
		status = done_add(outputs, folder, files.items[i] + strlen(folder) + 1, err);
	path_list_free(&files);
	free(path);
	return status;
}

/* Files in the folder itself whose names go by a pattern, or none. */
static int done_add_matching(struct json *outputs, const char *folder, const char *pattern, struct err *err)
{
	struct path_list files = {0};
	int status = folder_walk(&files, folder, err);
	for (size_t i = 0; status == OK && i < files.count; i++) {
		const char *name = files.items[i] + strlen(folder) + 1;
		if (fnmatch(pattern, name, FNM_PATHNAME) == 0)
			status = done_add(outputs, folder, name, err);
	}
	path_list_free(&files);
	return status;
}

int file_in(const char *folder, const char *name, bool *there, struct err *err)
{
	char *path = path_join(folder, name, err);
	if (!path)
		return err->code;
	*there = path_exists(path);
	free(path);
	return OK;
}

static int done_add_if_there(struct json *outputs, const char *folder, const char *name, struct err *err)
{
	bool there = false;
	int status = file_in(folder, name, &there, err);
	return status == OK && there ? done_add(outputs, folder, name, err) : status;
}

/* Every file that the table promises, hashed; a promised file that is not there is an error. */
static int done_outputs(const struct stage *stage, const char *folder, struct json *outputs, struct err *err)
{
	int status = done_add(outputs, folder, "metrics.json", err);
	for (const char *at = stage->outputs; status == OK && *at; at += strspn(at, " ")) {
		char name[128];
		size_t length = strcspn(at, " ");
		snprintf(name, sizeof name, "%.*s", (int)length, at);
		char mark = name[length - 1];
		if (mark == '/' || mark == '?')
			name[length - 1] = '\0';
		if (mark == '/')
			status = done_add_folder(outputs, folder, name, err);
		else if (strchr(name, '*'))
			status = done_add_matching(outputs, folder, name, err);
		else if (mark == '?')
			status = done_add_if_there(outputs, folder, name, err);
		else
			status = done_add(outputs, folder, name, err);
		at += length;
	}
	return status;
}

/* "Intel(R) Xeon(R) …" as the kernel names the first processor; "" when it names none. */
static void processor_name(char *out, size_t size)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "r");

	out[0] = '\0';
	while (file && !out[0] && fgets(line, sizeof line, file)) {
		const char *colon = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
		if (colon)
			snprintf(out, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
	}
	if (file)
		fclose(file);
}

/* With what it was made: what may explain a difference that the settings do not. */
static int add_program(struct json *done, struct err *err)
{
	struct json *program = json_set_object(done, "program");
	json_set_text(program, "version", MOODCAST_VERSION);
#ifdef __clang__
	json_set_text(program, "compiler", __VERSION__);
#else
	json_set_text(program, "compiler", "gcc " __VERSION__);
#endif
	struct strbuf libraries = {0};
	io_libraries(&libraries);
	int status = strbuf_check(&libraries, err);
	if (status == OK)
		json_set_text(program, "libraries", libraries.text);
	strbuf_free(&libraries);
	json_set_text(program, "blas", blas_version());
	json_set_text(program, "blas_core", blas_core());
	json_set_text(program, "cpu", cpu_level_name(cpu_features()->level));
	char processor[200];
	processor_name(processor, sizeof processor);
	json_set_text(program, "processor", processor);
	json_set_integer(program, "cores", thread_count(0));
	return status;
}

/* Effective, with those that change no result (threads, memory). */
static int add_settings(const struct stage *stage, const struct stage_run *run, struct json *done, struct err *err)
{
	struct strbuf text = {0};
	int status = settings_print(run->settings, SETTINGS_ALL, stage->sections, &text, err);
	if (status == OK)
		json_set_text(done, "settings", text.text);
	strbuf_free(&text);
	struct json *inputs = json_set_object(done, "inputs");
	for (size_t i = 0; i < run->n_inputs; i++)
		json_set_text(inputs, run->inputs[i].stage, path_name(run->inputs[i].folder));
	return status;
}

static int identity_of(const struct stage *stage, const struct settings *settings, char hex[SHA256_HEX],
                       struct err *err)
{
	struct strbuf text = {0};
	strbuf_format(&text, "%s %d\n", stage->name, stage->version);
	int status = settings_identity(settings, stage->sections, &text, err);
	if (status == OK)
		sha256_bytes(text.text, text.length, hex);
	strbuf_free(&text);
	return status;
}

int done_check(const struct stage *stage, const struct settings *settings, const char *folder, struct err *err)
{
	char hex[SHA256_HEX], *path = path_join(folder, "done", err);
	struct json *done = NULL;
	int status = path ? json_load_file(&done, path, err) : err->code;
	if (status == OK)
		status = identity_of(stage, settings, hex, err);
	if (status == OK && strcmp(json_text(json_get(done, "identity"), ""), hex) != 0)
		status = err_set(err, ERR_SETTINGS,
		                 "%s holds results of other settings or of another version; remove it or choose another --out",
		                 folder);
	json_free(done);
	free(path);
	return status;
}

int done_write(const struct stage *stage, const struct stage_run *run, double seconds, struct err *err)
{
	double need;
	if (stage_memory_need(stage, run, &need, err) != OK)
		return err->code;
	struct json *done = json_object_new();
	json_set_text(done, "stage", stage->name);
	json_set_integer(done, "version", stage->version);
	json_set_text(done, "headline", run->headline);
	json_set_number(done, "seconds", seconds);
	json_set_integer(done, "peak_memory_bytes", (int64_t)peak_memory_bytes());
	json_set_number(done, "memory_need_bytes", need);
	json_set_integer(done, "threads", run->threads);
	if (comm_size() > 1)
		json_set_integer(done, "ranks", comm_size());
	if (run->as_ranks)
		json_set_bool(done, "as_ranks", true);
	char identity[SHA256_HEX];
	int status = add_program(done, err);
	if (status == OK)
		status = add_settings(stage, run, done, err);
	if (status == OK)
		status = identity_of(stage, run->settings, identity, err);
	if (status == OK) {
		json_set_text(done, "identity", identity);
		status = done_outputs(stage, run->out, json_set_object(done, "outputs"), err);
	}
	char *path = status == OK ? stage_out_path(run, "done", err) : NULL;
	if (status == OK)
		status = path ? json_save(done, path, err) : err->code;
	free(path);
	json_free(done);
	return status;
}
