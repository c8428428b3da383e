/*
 * Stages side by side (`make -j2 run`) take no more memory together than run.memory_mb says.
 *
 * A file stands for that memory, a byte a megabyte. A stage locks as many bytes as it may need, or all when there are
 * fewer, waits while they are not free, and holds them until its process ends: the kernel gives them back then, also
 * after kill -9.
 */
#include "stages/frame_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MB 1e6
#define WAIT_MICROSECONDS 100000

/* What a stage may need: a part of its own, and a multiple of the bytes of what it reads. Upper bounds of what was
 * seen, from the drawn sample to 125,000 playlists and 2,200 faces (tests/e2e/memory.sh holds them to each run). */
struct need {
	const char *stage;
	double mb, of_inputs;
};
static const struct need needs[] = {
    {"sample", 128, 0},   {"faces", 64, 0},      {"cascade", 256, 0}, {"features", 256, 0},
    {"emotion", 256, 1},  {"playlists", 256, 2}, {"tags", 128, 8},    {"als", 128, 24},
    {"evaluate", 256, 1}, {"report", 64, 0},     {"pack", 128, 2.5},
};

static int add_bytes(const char *path, double *sum, struct err *err)
{
	struct path_list files = {0};
	struct stat info;
	int status = path_is_folder(path) ? folder_walk(&files, path, err) : path_list_add(&files, path, err);

	for (size_t i = 0; status == OK && i < files.count; i++)
		if (stat(files.items[i], &info) == 0)
			*sum += (double)info.st_size;
	path_list_free(&files);
	return status;
}

/* The folders of the stages above, and what the settings name besides. */
static int bytes_read(const struct stage *stage, const struct stage_run *run, double *sum, struct err *err)
{
	struct path_list paths = {0}, files = {0};
	int status = settings_paths(run->settings, stage->sections, &paths, err);

	for (size_t i = 0; status == OK && i < run->n_inputs; i++)
		status = add_bytes(run->inputs[i].folder, sum, err);
	for (size_t i = 0; status == OK && i < paths.count; i++)
		if (paths.items[i][0] != '@' && strcmp(paths.items[i], "init") != 0)
			status = path_expand(&files, paths.items[i], err);
	for (size_t i = 0; status == OK && i < files.count; i++)
		status = add_bytes(files.items[i], sum, err);
	path_list_free(&files);
	path_list_free(&paths);
	return status;
}

/* The kernels as applied, and two maps of a batch behind the first layers: 64 floats a pixel, a quarter around them. */
static double network_bytes(const struct settings *settings)
{
	double side = (double)settings->preprocess.size;
	return 256 * MB + 640 * (double)settings->network.batch * side * side;
}

int stage_memory_need(const struct stage *stage, const struct stage_run *run, double *bytes, struct err *err)
{
	const struct settings *settings = run->settings;
	double sum = 0;
	int status = OK;

	for (size_t i = 0; i < ARRAY_COUNT(needs); i++) {
		if (strcmp(needs[i].stage, stage->name) != 0)
			continue;
		if (needs[i].of_inputs > 0)
			status = bytes_read(stage, run, &sum, err);
		*bytes = needs[i].mb * MB + needs[i].of_inputs * sum;
		if (stage->run == stage_features ||
		    (stage->run == stage_evaluate && stage_in_folder(run, "faces") && stage_in_folder(run, "cascade")))
			*bytes += network_bytes(settings); /* evaluate: held-out faces as the cascade finds them */
		else if (stage->run == stage_faces)
			*bytes += (double)settings->faces.memory_mb * MB;
		else if (stage->run == stage_cascade)
			*bytes += (double)settings->cascade.memory_mb * MB;
		else if (stage->run == stage_emotion && settings->emotion.trainable != TRAIN_HEAD)
			*bytes += 3072 * MB; /* activations and gradients of the layers */
		return status;
	}
	return err_set(err, ERR_SETTINGS, "%s: stage_memory.c does not say how much memory it may need", stage->name);
}

/* Nine tenths of what this machine, or its container, has. */
static double machine_memory(void)
{
	double most = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
	char text[64];
	FILE *file = fopen("/sys/fs/cgroup/memory.max", "r");

	if (file && fgets(text, sizeof text, file) && text[0] >= '0' && text[0] <= '9' && strtod(text, NULL) < most)
		most = strtod(text, NULL);
	if (file)
		fclose(file);
	return 0.9 * most;
}

/* The first gap of `length` bytes below `end` is locked; 0 when there is none, −1 with errno. */
static int lock_gap(int file, off_t length, off_t end)
{
	for (off_t start = 0; start + length <= end;) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
		if (fcntl(file, F_OFD_SETLK, &lock) == 0)
			return 1;
		if (errno != EAGAIN && errno != EACCES)
			return -1;
		lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
		if (fcntl(file, F_OFD_GETLK, &lock) != 0)
			return -1;
		start = lock.l_type == F_UNLCK ? start : lock.l_start + lock.l_len;
	}
	return 0;
}

int stage_memory_take(const struct stage *stage, const struct stage_run *run, const char *path, struct err *err)
{
	double need = 0, all = run->settings->run.memory_mb ? (double)run->settings->run.memory_mb * MB : machine_memory();
	int status = stage_memory_need(stage, run, &need, err), locked = 0;
	int file = status == OK ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
	off_t end = (off_t)(all / MB), length = (off_t)(need / MB) + 1;

	if (status == OK && file < 0)
		return err_errno(err, "%s: cannot be opened", path);
	length = length > end ? end : length;
	for (bool said = false; status == OK && (locked = lock_gap(file, length, end)) == 0; usleep(WAIT_MICROSECONDS)) {
		if (!said)
			log_info(stage->name, "waits: it may need %jd MB of the %jd MB shared", (intmax_t)length, (intmax_t)end);
		said = true;
		status = stop_check(stage->name, err);
	}
	if (locked < 0)
		status = err_errno(err, "%s: cannot be locked", path);
	/* Else the file stays open, and so the bytes locked, as long as the process lives. */
	if (status != OK && file >= 0)
		close(file);
	return status;
}
