/* What a stage has read, as one number: of a file or of a folder of pictures. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stages/stages.h"
#include "support/support.h"

static char *folder, *cache;

static int set_up(void **state)
{
	(void)state;
	folder = scratch_new();
	cache = strdup(scratch_path(folder, "cache.tsv"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(cache);
	scratch_remove(folder);
	return 0;
}

static void write_text(const char *name, const char *text)
{
	struct err err = {0};
	char path[1200];
	snprintf(path, sizeof path, "%s", scratch_path(folder, name));
	assert_ok(file_write(path, text, strlen(text), &err));
}

static const char *hash_of(const char *name)
{
	static char hex[2][SHA256_HEX];
	static size_t next;
	struct err err = {0};
	char *out = hex[next++ % 2];
	assert_ok(input_hash(scratch_path(folder, name), cache, out, &err));
	return out;
}

static size_t cache_lines(void)
{
	struct err err = {0};
	char *text;
	size_t size, lines = 0;
	assert_ok(file_read(cache, 1 << 20, &text, &size, &err));
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	free(text);
	return lines;
}

static void a_folder_is_its_files_their_names_and_content(void **state)
{
	(void)state;
	struct err err = {0};
	char first[SHA256_HEX];
	assert_ok(folder_make(scratch_path(folder, "a/b"), &err));
	write_text("a/1.png", "one");
	write_text("a/b/2.png", "two");
	strcpy(first, hash_of("a"));
	/* The same folder elsewhere. */
	assert_ok(folder_make(scratch_path(folder, "c/b"), &err));
	write_text("c/b/2.png", "two");
	write_text("c/1.png", "one");
	assert_string_equal(hash_of("c"), first);
	write_text("c/1.png", "One");
	assert_string_not_equal(hash_of("c"), first);
	write_text("c/1.png", "one");
	assert_string_equal(hash_of("c"), first);
	write_text("c/3.png", "");
	assert_string_not_equal(hash_of("c"), first);
	assert_int_equal(unlink(scratch_path(folder, "c/3.png")), 0);
	char *from = strdup(scratch_path(folder, "c/1.png"));
	assert_int_equal(rename(from, scratch_path(folder, "c/4.png")), 0);
	free(from);
	assert_string_not_equal(hash_of("c"), first);
}

static void what_is_unchanged_is_not_read_again(void **state)
{
	(void)state;
	struct err err = {0};
	char first[SHA256_HEX];
	struct stat before;
	assert_ok(folder_make(scratch_path(folder, "d"), &err));
	write_text("d/1.png", "one");
	strcpy(first, hash_of("d"));
	size_t lines = cache_lines();
	assert_string_equal(hash_of("d"), first);
	assert_int_equal(cache_lines(), lines);
	/* Touched: read again, and the same. */
	assert_int_equal(stat(scratch_path(folder, "d/1.png"), &before), 0);
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = before.st_mtim.tv_sec - 10}};
	assert_int_equal(utimensat(AT_FDCWD, scratch_path(folder, "d/1.png"), times, 0), 0);
	assert_string_equal(hash_of("d"), first);
	assert_int_equal(cache_lines(), lines + 1);
}

static void what_is_not_there_is_named(void **state)
{
	(void)state;
	struct err err = {0};
	char hex[SHA256_HEX];
	assert_refused(input_hash(scratch_path(folder, "none"), cache, hex, &err), ERR_IO, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_folder_is_its_files_their_names_and_content, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_unchanged_is_not_read_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_not_there_is_named, set_up, tear_down),
	};
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
