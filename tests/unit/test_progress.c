/* What progress says where nobody draws bars: nothing for ten seconds, then a line with rate and time left. */
#include "support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

/* Standard error into a file while `work` runs; what it holds, freed by the caller. */
static char *said_by(void (*work)(struct progress *), struct progress *progress)
{
	struct err err = {0};
	char *folder = scratch_new(), *text;
	const char *path = scratch_path(folder, "stderr");
	size_t size;
	int saved = dup(STDERR_FILENO), file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	fflush(stderr);
	dup2(file, STDERR_FILENO);
	work(progress);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(file);
	assert_ok(file_read(path, 1 << 16, &text, &size, &err));
	scratch_remove(folder);
	return text;
}

static void short_work(struct progress *progress)
{
	progress_start(progress, "faces", "pictures", 100);
	for (size_t i = 0; i < 100; i++)
		progress_add(progress, 1);
	progress_end(progress);
}

/* As if twenty seconds had gone by, eleven of them since the last word. */
static void let_time_pass(struct progress *progress)
{
	progress->started -= 20;
	progress->shown -= 11;
}

static void long_work(struct progress *progress)
{
	progress_start(progress, "faces", "pictures", 1000);
	progress_add(progress, 199);
	let_time_pass(progress);
	progress_add(progress, 1);
	progress_add(progress, 1);
	log_info("faces", "a word in between");
	progress_end(progress);
}

static void unknown_work(struct progress *progress)
{
	progress_start(progress, "playlists", "records", 0);
	let_time_pass(progress);
	progress_add(progress, 500);
	progress_end(progress);
}

static void work_of_a_moment_says_nothing(void **state)
{
	struct progress progress;
	char *said = said_by(short_work, &progress);

	(void)state;
	assert_string_equal(said, "");
	free(said);
}

static void a_line_each_ten_seconds_with_rate_and_time_left(void **state)
{
	struct progress progress;
	char *said = said_by(long_work, &progress);

	(void)state;
	assert_string_equal(said, "faces: 200 of 1000 pictures, 10/s, 80 s left\nfaces: a word in between\n");
	free(said);
}

static void what_has_no_known_end_has_a_rate(void **state)
{
	struct progress progress;
	char *said = said_by(unknown_work, &progress);

	(void)state;
	assert_string_equal(said, "playlists: 500 records, 25/s\n");
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(work_of_a_moment_says_nothing),
	    cmocka_unit_test(a_line_each_ten_seconds_with_rate_and_time_left),
	    cmocka_unit_test(what_has_no_known_end_has_a_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
