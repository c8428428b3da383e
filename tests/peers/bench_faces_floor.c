/*
 * The least that reading a nested zip of faces can cost: one thread streams it with libarchive, others decode every
 * picture with TurboJPEG; nothing is cut, shrunk or stored. bench_faces_floor ARCHIVE THREADS → "pictures seconds" on
 * stdout.
 */
#include <archive.h>
#include <archive_entry.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <turbojpeg.h>

#define SLOTS 64
#define BLOCK (256 << 10)

struct slot {
	unsigned char *bytes;
	size_t size, capacity;
	int state; /* 0 free, 1 filled, 2 being decoded */
};

static struct slot slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, freed = PTHREAD_COND_INITIALIZER;
static int finished;
static size_t pictures;

static void decode(tjhandle handle, const struct slot *slot, unsigned char **pixels, size_t *capacity)
{
	int width, height, subsampling, colours;
	if (tjDecompressHeader3(handle, slot->bytes, slot->size, &width, &height, &subsampling, &colours) != 0)
		return;
	size_t size = (size_t)width * (size_t)height * 3;
	if (size > *capacity) {
		free(*pixels);
		*pixels = malloc(size);
		*capacity = size;
	}
	tjDecompress2(handle, slot->bytes, slot->size, *pixels, width, 0, height, TJPF_RGB, 0);
}

static void *worker(void *unused)
{
	tjhandle handle = tjInitDecompress();
	unsigned char *pixels = NULL;
	size_t capacity = 0;
	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct slot *slot = NULL;
		for (int i = 0; i < SLOTS && !slot; i++)
			slot = slots[i].state == 1 ? &slots[i] : NULL;
		if (!slot && finished)
			break;
		if (!slot) {
			pthread_cond_wait(&filled, &lock);
			continue;
		}
		slot->state = 2;
		pthread_mutex_unlock(&lock);
		decode(handle, slot, &pixels, &capacity);
		pthread_mutex_lock(&lock);
		slot->state = 0;
		pictures++;
		pthread_cond_signal(&freed);
	}
	pthread_mutex_unlock(&lock);
	free(pixels);
	tjDestroy(handle);
	return NULL;
}

static struct slot *free_slot(void)
{
	struct slot *slot = NULL;
	pthread_mutex_lock(&lock);
	while (!slot) {
		for (int i = 0; i < SLOTS && !slot; i++)
			slot = slots[i].state == 0 ? &slots[i] : NULL;
		if (!slot)
			pthread_cond_wait(&freed, &lock);
	}
	pthread_mutex_unlock(&lock);
	return slot;
}

static void take(struct archive *archive)
{
	struct slot *slot = free_slot();
	slot->size = 0;
	for (;;) {
		if (slot->size + BLOCK > slot->capacity)
			slot->bytes = realloc(slot->bytes, slot->capacity = slot->size + BLOCK);
		la_ssize_t got = archive_read_data(archive, slot->bytes + slot->size, slot->capacity - slot->size);
		if (got <= 0)
			break;
		slot->size += (size_t)got;
	}
	pthread_mutex_lock(&lock);
	slot->state = 1;
	pthread_cond_signal(&filled);
	pthread_mutex_unlock(&lock);
}

static la_ssize_t pull(struct archive *inner, void *outer, const void **bytes)
{
	static char block[BLOCK];
	(void)inner;
	*bytes = block;
	return archive_read_data(outer, block, sizeof block);
}

static void stream_person(struct archive *outer)
{
	struct archive *inner = archive_read_new();
	struct archive_entry *entry;
	archive_read_support_format_zip_streamable(inner);
	if (archive_read_open2(inner, outer, NULL, pull, NULL, NULL) == ARCHIVE_OK) {
		while (archive_read_next_header(inner, &entry) == ARCHIVE_OK) {
			if (strstr(archive_entry_pathname(entry), ".jpg"))
				take(inner);
		}
	}
	archive_read_free(inner);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	int threads = argc > 2 ? atoi(argv[2]) : 1;
	pthread_t workers[64];
	struct archive *outer = archive_read_new();
	struct archive_entry *entry;
	double started = now();
	archive_read_support_format_zip(outer);
	if (argc < 3 || threads < 1 || threads > 64 || archive_read_open_filename(outer, argv[1], BLOCK) != ARCHIVE_OK) {
		fprintf(stderr, "usage: bench_faces_floor ARCHIVE THREADS\n");
		return 2;
	}
	for (int i = 0; i < threads; i++)
		pthread_create(&workers[i], NULL, worker, NULL);
	while (archive_read_next_header(outer, &entry) == ARCHIVE_OK)
		stream_person(outer);
	pthread_mutex_lock(&lock);
	finished = 1;
	pthread_cond_broadcast(&filled);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < threads; i++)
		pthread_join(workers[i], NULL);
	printf("%zu %.4f\n", pictures, now() - started);
	archive_read_free(outer);
	for (int i = 0; i < SLOTS; i++)
		free(slots[i].bytes);
	return 0;
}
