#include "archive_fixture.h"

static void a_written_zip_gives_its_members_back_in_order(void **state)
{
	(void)state;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.zip");
	const struct piece pieces[] = {{"b.txt", "second by name, first by place", NULL, 0},
	                               {"folder/a.txt", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, 0},
	                               {"빈 것.txt", "", NULL, 0}};
	for (int deflate = 0; deflate < 2; deflate++) {
		uint8_t *bytes;
		size_t size;
		zip_pieces(pieces, 3, deflate, &bytes, &size);
		save(path, bytes, size);
		free(bytes);
		expect_walk(path,
		            "b.txt=second by name, first by place;folder/a.txt=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;"
		            "빈 것.txt=;",
		            "");
	}
	scratch_remove(folder);
}

static void a_zip_in_a_file_and_one_in_memory_are_the_same_bytes_without_a_clock(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.zip");
	struct zip_writer *zip = NULL;
	assert_ok(zip_create(&zip, path, &err));
	assert_ok(zip_add(zip, "x", "xxxxxxxxxxxxxxxxxxxxxxxxxxx", 27, true, &err));
	assert_false(path_exists(path));
	assert_ok(zip_finish(zip, &err));
	char *in_file;
	size_t file_size, memory_size;
	load(path, &in_file, &file_size);
	uint8_t *in_memory;
	zip_pieces((struct piece[]){{"x", "xxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL, 0}}, 1, true, &in_memory, &memory_size);
	assert_int_equal(file_size, memory_size);
	assert_memory_equal(in_file, in_memory, file_size);
	assert_memory_equal(in_file + 10, "\0\0\x21\0", 4); /* 00:00:00, 1980-01-01 */
	free(in_file);
	free(in_memory);
	scratch_remove(folder);
}

static void a_discarded_zip_leaves_no_file(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	struct zip_writer *zip = NULL;
	assert_ok(zip_create(&zip, scratch_path(folder, "a.zip"), &err));
	assert_ok(zip_add(zip, "x", "y", 1, false, &err));
	zip_discard(zip);
	struct path_list files = {0};
	assert_ok(folder_walk(&files, folder, &err));
	assert_int_equal(files.count, 0);
	path_list_free(&files);
	scratch_remove(folder);
}

static void more_members_than_sixteen_bits_count_are_all_found(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "many.zip");
	struct zip_writer *zip = NULL;
	assert_ok(zip_create(&zip, path, &err));
	for (int i = 0; i < 66000; i++) {
		char name[16];
		snprintf(name, sizeof name, "%06d", i);
		assert_ok(zip_add(zip, name, "", 0, false, &err));
	}
	assert_ok(zip_finish(zip, &err));
	struct seen seen = {.only = "999"};
	assert_ok(walk_all(path, &seen, &err));
	size_t count = 0;
	for (const char *at = seen.members.text; *at; at++)
		count += *at == ';';
	assert_int_equal(count, 66);
	seen_free(&seen);
	scratch_remove(folder);
}

/* Wraps `bytes` into a zip with one member NAME; frees what it is given. */
static void wrap(uint8_t **bytes, size_t *size, const char *name, bool deflate)
{
	uint8_t *outer;
	size_t outer_size;
	zip_pieces((struct piece[]){{name, NULL, *bytes, *size}}, 1, deflate, &outer, &outer_size);
	free(*bytes);
	*bytes = outer;
	*size = outer_size;
}

static void archives_three_deep_are_entered_and_the_fourth_is_skipped(void **state)
{
	(void)state;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.zip");
	uint8_t *bytes;
	size_t size;
	zip_pieces((struct piece[]){{"x", "deep", NULL, 0}}, 1, true, &bytes, &size);
	wrap(&bytes, &size, "3.zip", true);
	wrap(&bytes, &size, "2.ZIP", false);
	wrap(&bytes, &size, "1.zip", true);
	save(path, bytes, size);
	expect_walk(path, "1.zip/2.ZIP/3.zip/x=deep;", "");
	wrap(&bytes, &size, "0.zip", false);
	save(path, bytes, size);
	expect_walk(path, "", "0.zip/1.zip/2.ZIP/3.zip=archives nested more than three deep;");
	free(bytes);
	scratch_remove(folder);
}

static void every_kind_of_archive_is_read_from_a_file_and_inside_a_zip(void **state)
{
	(void)state;
	char *folder = scratch_new();
	static const char *const kinds[][2] = {{"zip", "zip"},       {"zip-stored", "zip"}, {"tar", "tar"},
	                                       {"tar.gz", "tar.gz"}, {"tar.gz", "tgz"},     {"tar.zst", "tar.zst"},
	                                       {"7z", "7z"}};
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		char name[32], expected[200];
		snprintf(name, sizeof name, "a.%s", kinds[i][1]);
		const char *path = scratch_path(folder, name), *outer = scratch_path(folder, "outer.zip");
		struct archive *archive = foreign_open(kinds[i][0], path);
		foreign_add(archive, "d", "", AE_IFDIR, NULL);
		foreign_add(archive, "d/one.txt", "11111111111111111111", AE_IFREG, NULL);
		foreign_add(archive, "./two.txt", "22", AE_IFREG, NULL);
		foreign_close(archive);
		expect_walk(path, "d/one.txt=11111111111111111111;two.txt=22;", "");
		char *bytes;
		size_t size, zip_size;
		load(path, &bytes, &size);
		uint8_t *zip;
		zip_pieces((struct piece[]){{name, NULL, bytes, size}, {"after", "!", NULL, 0}}, 2, true, &zip, &zip_size);
		save(outer, zip, zip_size);
		snprintf(expected, sizeof expected, "%s/d/one.txt=11111111111111111111;%s/two.txt=22;after=!;", name, name);
		expect_walk(outer, expected, "");
		free(zip);
		free(bytes);
	}
	scratch_remove(folder);
}

static void unsafe_names_and_links_are_skipped_with_their_reason(void **state)
{
	(void)state;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.tar");
	struct archive *archive = foreign_open("tar", path);
	foreign_add(archive, "../up", "u", AE_IFREG, NULL);
	foreign_add(archive, "a/../../up", "u", AE_IFREG, NULL);
	foreign_add(archive, "/etc/x", "e", AE_IFREG, NULL);
	foreign_add(archive, "fine..txt", "f", AE_IFREG, NULL);
	foreign_add(archive, "soft", "", AE_IFLNK, "/etc/passwd");
	foreign_add(archive, "hard", "", AE_IFREG, "fine..txt");
	foreign_close(archive);
	expect_walk(path, "fine..txt=f;",
	            "../up=name with '..';a/../../up=name with '..';/etc/x=absolute name;soft=a link;"
	            "hard=a link;");
	scratch_remove(folder);
}

static void the_caller_chooses_and_stops(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.zip");
	uint8_t *bytes;
	size_t size;
	zip_pieces((struct piece[]){{"x.txt", "1", NULL, 0}, {"y.jpg", "2", NULL, 0}, {"z.txt", "3", NULL, 0}}, 3, true,
	           &bytes, &size);
	wrap(&bytes, &size, "in.zip", false);
	save(path, bytes, size);
	struct seen seen = {.only = ".txt"};
	assert_ok(walk_all(path, &seen, &err));
	assert_string_equal(seen.members.text, "in.zip/x.txt=1;in.zip/z.txt=3;");
	seen_free(&seen);
	seen = (struct seen){.stop_after = 2};
	assert_refused(walk_all(path, &seen, &err), ERR_NUMERIC, "enough");
	assert_string_equal(err.text, "enough");
	assert_string_equal(seen.members.text, "in.zip/x.txt=1;");
	assert_string_equal(seen.skipped.text, "");
	seen_free(&seen);
	free(bytes);
	scratch_remove(folder);
}

static void a_folder_is_walked_in_the_order_of_names_with_the_archives_in_it(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	assert_ok(folder_make(scratch_path(folder, "in"), &err));
	save(scratch_path(folder, "in/b.txt"), "b", 1);
	save(scratch_path(folder, "in/a.txt"), "a", 1);
	uint8_t *bytes;
	size_t size;
	zip_pieces((struct piece[]){{"x", "inside", NULL, 0}}, 1, true, &bytes, &size);
	save(scratch_path(folder, "in/aa.zip"), bytes, size);
	free(bytes);
	expect_walk(scratch_path(folder, "in"), "a.txt=a;aa.zip/x=inside;b.txt=b;", "");
	expect_walk(scratch_path(folder, "in/"), "a.txt=a;aa.zip/x=inside;b.txt=b;", "");
	expect_walk(scratch_path(folder, "in/a.txt"), "a.txt=a;", "");
	save(scratch_path(folder, "in/aa.zip"), "no zip", 6);
	struct seen seen = {0};
	assert_ok(walk_all(scratch_path(folder, "in"), &seen, &err));
	assert_string_equal(seen.members.text, "a.txt=a;b.txt=b;");
	assert_int_equal(strncmp(seen.skipped.text, "aa.zip=", 7), 0);
	seen_free(&seen);
	scratch_remove(folder);
}

static void a_member_above_the_limit_is_skipped(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.zip");
	char *zeros = calloc(1, 100000);
	uint8_t *bytes;
	size_t size;
	zip_pieces((struct piece[]){{"bomb", NULL, zeros, 100000}, {"b", "small", NULL, 0}}, 2, true, &bytes, &size);
	save(path, bytes, size);
	struct seen seen = {0};
	struct member_walk walk = {.deliver = seen_deliver, .skipped = seen_skipped, .context = &seen, .max_member = 99999};
	assert_ok(members_walk(path, &walk, &err));
	assert_string_equal(seen.members.text, "b=small;");
	assert_string_equal(seen.skipped.text, "bomb=larger than a member may be;");
	seen_free(&seen);
	free(bytes);
	free(zeros);
	scratch_remove(folder);
}

static void an_npz_gives_an_array_stored_or_deflated(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.npz");
	float values[6] = {0, 1, 2, 3, 4, 5.5f};
	struct npy array = {.type = NPY_F32, .rank = 2, .dims = {2, 3}, .item = 4, .data = values}, loaded = {0};
	uint8_t *npy;
	size_t npy_size;
	assert_ok(npy_bytes(&array, &npy, &npy_size, &err));
	for (int deflate = 0; deflate < 2; deflate++) {
		uint8_t *bytes;
		size_t size;
		zip_pieces((struct piece[]){{"other.npy", "?", NULL, 0}, {"x.npy", NULL, npy, npy_size}}, 2, deflate, &bytes,
		           &size);
		save(path, bytes, size);
		assert_ok(npz_load(&loaded, path, "x", &err));
		assert_int_equal(loaded.dims[1], 3);
		assert_memory_equal(loaded.data, values, sizeof values);
		npy_free(&loaded);
		assert_refused(npz_load(&loaded, path, "y", &err), ERR_DATA, "a.npz: holds no array 'y'");
		assert_refused(npz_load(&loaded, path, "other", &err), ERR_DATA, "a.npz: ");
		free(bytes);
	}
	free(npy);
	scratch_remove(folder);
}

static bool enters_second(const char *path, void *context)
{
	(void)context;
	return strcmp(path, "1.zip") != 0;
}

/* 1.zip is no archive at all: who does not look into it does not hear of it. */
static void an_archive_that_is_not_entered_is_passed_over(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.zip"), *unpacked = scratch_path(folder, "unpacked");
	uint8_t *inner, *bytes;
	size_t inner_size, size;
	zip_pieces((const struct piece[]){{.name = "x", .content = "deep"}}, 1, true, &inner, &inner_size);
	const struct piece pieces[] = {{.name = "1.zip", .content = "broken"},
	                               {.name = "2.zip", .bytes = inner, .size = inner_size}};
	for (int deflate = 0; deflate < 2; deflate++) {
		zip_pieces(pieces, 2, deflate, &bytes, &size);
		save(path, bytes, size);
		free(bytes);
		expect_walk(path, "2.zip/x=deep;", "1.zip=not an archive (zip, tar, tar.gz, tar.zst or 7z);");
		assert_ok(folder_make(unpacked, &err));
		save(scratch_path(unpacked, "1.zip"), "broken", 6);
		save(scratch_path(unpacked, "2.zip"), inner, inner_size);
		for (int of_folder = 0; of_folder < 2; of_folder++) {
			struct seen seen = {0};
			const struct member_walk walk = {
			    .deliver = seen_deliver, .skipped = seen_skipped, .enters = enters_second, .context = &seen};
			assert_ok(members_walk(of_folder ? unpacked : path, &walk, &err));
			assert_string_equal(seen.members.text, "2.zip/x=deep;");
			assert_null(seen.skipped.text);
			seen_free(&seen);
		}
	}
	free(inner);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_written_zip_gives_its_members_back_in_order),
	    cmocka_unit_test(a_zip_in_a_file_and_one_in_memory_are_the_same_bytes_without_a_clock),
	    cmocka_unit_test(a_discarded_zip_leaves_no_file),
	    cmocka_unit_test(more_members_than_sixteen_bits_count_are_all_found),
	    cmocka_unit_test(archives_three_deep_are_entered_and_the_fourth_is_skipped),
	    cmocka_unit_test(every_kind_of_archive_is_read_from_a_file_and_inside_a_zip),
	    cmocka_unit_test(unsafe_names_and_links_are_skipped_with_their_reason),
	    cmocka_unit_test(the_caller_chooses_and_stops),
	    cmocka_unit_test(a_folder_is_walked_in_the_order_of_names_with_the_archives_in_it),
	    cmocka_unit_test(a_member_above_the_limit_is_skipped),
	    cmocka_unit_test(an_npz_gives_an_array_stored_or_deflated),
	    cmocka_unit_test(an_archive_that_is_not_entered_is_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
