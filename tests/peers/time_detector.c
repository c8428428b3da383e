/*
 * usage: time_detector CASCADE.xml THREADS RUNS PICTURE… Finds faces RUNS times a picture (scale 1.1, 3 neighbours,
 * least side 30) after one run that is not timed, and prints a line a picture: "TAB"-separated processor milliseconds
 * of the median run, wall milliseconds, then x,y,w,h of each face.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vision/vision.h"

#define RUNS_MOST 100

static double now_ms(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int time_picture(struct detector *detector, const char *path, const struct detect_options *options, int runs,
                        struct err *err)
{
	struct image image;
	struct detections found = {0};
	double wall[RUNS_MOST], cpu[RUNS_MOST];
	int code = image_load(&image, path, 1, err);
	if (code != OK)
		return code;
	code = detector_find(detector, &image, options, &found, err);
	for (int i = 0; code == OK && i < runs; i++) {
		double start = now_ms(CLOCK_MONOTONIC), work = now_ms(CLOCK_PROCESS_CPUTIME_ID);
		code = detector_find(detector, &image, options, &found, err);
		wall[i] = now_ms(CLOCK_MONOTONIC) - start;
		cpu[i] = now_ms(CLOCK_PROCESS_CPUTIME_ID) - work;
	}
	if (code == OK) {
		qsort(wall, (size_t)runs, sizeof *wall, ascending);
		qsort(cpu, (size_t)runs, sizeof *cpu, ascending);
		printf("%.4f\t%.4f", cpu[runs / 2], wall[runs / 2]);
		for (size_t i = 0; i < found.count; i++)
			printf("\t%d,%d,%d,%d", found.items[i].box.x, found.items[i].box.y, found.items[i].box.w,
			       found.items[i].box.h);
		printf("\n");
	}
	detections_free(&found);
	image_free(&image);
	return code;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct cascade *cascade;
	if (argc < 5) {
		fprintf(stderr, "usage: time_detector CASCADE.xml THREADS RUNS PICTURE…\n");
		return 2;
	}
	int runs = atoi(argv[3]);
	struct detect_options options = {.scale = 1.1, .neighbors = 3, .min_w = 30, .min_h = 30, .threads = atoi(argv[2])};
	if (runs < 1 || runs > RUNS_MOST || cascade_load(&cascade, argv[1], &err) != OK) {
		fprintf(stderr, "time_detector: %s\n", err.text);
		return 2;
	}
	struct detector *detector = detector_new(cascade, &err);
	int code = detector ? OK : err.code;
	for (int i = 4; i < argc && code == OK; i++)
		code = time_picture(detector, argv[i], &options, runs, &err);
	if (code != OK)
		fprintf(stderr, "time_detector: %s\n", err.text);
	detector_free(detector);
	cascade_free(cascade);
	return code;
}
