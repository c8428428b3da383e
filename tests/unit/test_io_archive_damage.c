/* Archives that are cut off, damaged, or none. */
#include "archive_fixture.h"

#include <sys/resource.h>

/* An outer zip of two inner ones of two members each. */
static void two_in_two(uint8_t **bytes, size_t *size, bool deflate)
{
	uint8_t *inner[2];
	size_t inner_size[2];
	static char noise[2][600];
	struct rng rng;
	rng_seed(&rng, 1, "noise", 0);
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i / 600][i % 600] = (char)rng_u64(&rng);
	for (size_t i = 0; i < 2; i++)
		zip_pieces((struct piece[]){{"a", NULL, noise[0], 600}, {"b", NULL, noise[1], 600}}, 2, deflate, &inner[i],
		           &inner_size[i]);
	zip_pieces((struct piece[]){{"1.zip", NULL, inner[0], inner_size[0]}, {"2.zip", NULL, inner[1], inner_size[1]}}, 2,
	           deflate, bytes, size);
	free(inner[0]);
	free(inner[1]);
}

static void an_outer_archive_cut_anywhere_is_an_error_that_says_so(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "faces.zip");
	for (int deflate = 0; deflate < 2; deflate++) {
		uint8_t *bytes;
		size_t size;
		two_in_two(&bytes, &size, deflate);
		for (size_t cut = 5; cut < size; cut += 97) {
			struct seen seen = {0};
			save(path, bytes, cut);
			assert_refused(walk_all(path, &seen, &err), ERR_DATA, "cut off");
			assert_non_null(strstr(err.text, "faces.zip: "));
			if (cut > 100)
				assert_non_null(strstr(err.text, ".zip: cut off"));
			seen_free(&seen);
		}
		free(bytes);
	}
	scratch_remove(folder);
}

static void a_cut_tar_gz_is_an_error(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new(), *bytes;
	const char *path = scratch_path(folder, "a.tar.gz");
	struct archive *archive = foreign_open("tar.gz", path);
	char big[4001];
	struct rng rng;
	rng_seed(&rng, 2, "noise", 0);
	for (size_t i = 0; i < 4000; i++)
		big[i] = (char)('a' + rng_below(&rng, 26));
	big[4000] = '\0';
	foreign_add(archive, "a", big, AE_IFREG, NULL);
	foreign_add(archive, "b", big, AE_IFREG, NULL);
	foreign_close(archive);
	size_t size;
	load(path, &bytes, &size);
	save(path, bytes, size / 2);
	struct seen seen = {0};
	assert_refused(walk_all(path, &seen, &err), ERR_DATA, "cut off");
	seen_free(&seen);
	free(bytes);
	scratch_remove(folder);
}

static void an_inner_archive_cut_off_costs_only_what_it_lost(void **state)
{
	(void)state;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.zip");
	uint8_t *inner, *outer;
	size_t inner_size, outer_size;
	zip_pieces((struct piece[]){{"a", "first", NULL, 0}, {"b", "second, and it is cut", NULL, 0}}, 2, false, &inner,
	           &inner_size);
	size_t kept = 30 + 1 + 5 + 30 + 1 + 10; /* ten bytes into b */
	zip_pieces((struct piece[]){{"1.zip", NULL, inner, kept}, {"z", "after", NULL, 0}}, 2, false, &outer, &outer_size);
	save(path, outer, outer_size);
	expect_walk(path, "1.zip/a=first;z=after;", "1.zip/b=cut off;1.zip=b: cut off after 2 members;");
	free(inner);
	free(outer);
	scratch_remove(folder);
}

static void a_damaged_member_is_skipped_and_the_rest_delivered(void **state)
{
	(void)state;
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.zip");
	for (int deflate = 0; deflate < 2; deflate++) {
		struct err err = {0};
		uint8_t *bytes;
		size_t size;
		zip_pieces((struct piece[]){{"a", "first first first first first", NULL, 0}, {"b", "second", NULL, 0}}, 2,
		           deflate, &bytes, &size);
		for (int i = 0; i < 4; i++)
			bytes[31 + 4 + i] ^= 0x5a;
		save(path, bytes, size);
		struct seen seen = {0};
		assert_ok(walk_all(path, &seen, &err));
		assert_string_equal(seen.members.text, "b=second;");
		assert_int_equal(strncmp(seen.skipped.text, "a=", 2), 0);
		assert_true(seen.skipped.length > 6);
		seen_free(&seen);
		free(bytes);
	}
	scratch_remove(folder);
}

static void what_is_no_archive_is_refused_outside_and_skipped_inside(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.zip");
	struct seen seen = {0};
	save(path, "this is only text, whatever its name says. this is only text", 60);
	assert_refused(walk_all(path, &seen, &err), ERR_DATA, "a.zip: not an archive");
	assert_refused(walk_all(scratch_path(folder, "b.zip"), &seen, &err), ERR_IO, "b.zip");
	seen_free(&seen);
	uint8_t *bytes;
	size_t size;
	zip_pieces((struct piece[]){{"t.zip", "this is only text, whatever its name", NULL, 0}, {"z", "after", NULL, 0}}, 2,
	           false, &bytes, &size);
	save(path, bytes, size);
	expect_walk(path, "z=after;", "t.zip=not an archive (zip, tar, tar.gz, tar.zst or 7z);");
	free(bytes);
	scratch_remove(folder);
}

/* Peak memory, in kB. */
static long peak_memory(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void a_member_that_claims_more_than_deflate_can_give_costs_no_memory(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new();
	const char *path = scratch_path(folder, "a.npz");
	const uint32_t claimed = UINT32_C(3) << 30;
	char *zeros = calloc(1, 100000);
	uint8_t *bytes, *directory;
	size_t size;
	zip_pieces((struct piece[]){{"a.npy", NULL, zeros, 100000}}, 1, true, &bytes, &size);
	directory = memmem(bytes, size, "PK\1\2", 4);
	assert_non_null(directory);
	memcpy(bytes + 22, &claimed, 4);
	memcpy(directory + 24, &claimed, 4);
	save(path, bytes, size);
	long before = peak_memory();
	struct npy array;
	assert_refused(npz_load(&array, path, "a", &err), ERR_DATA, "a.npz: holds no array 'a'");
	assert_true(peak_memory() - before < 1L << 20);
	free(bytes);
	free(zeros);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_outer_archive_cut_anywhere_is_an_error_that_says_so),
	    cmocka_unit_test(a_cut_tar_gz_is_an_error),
	    cmocka_unit_test(an_inner_archive_cut_off_costs_only_what_it_lost),
	    cmocka_unit_test(a_damaged_member_is_skipped_and_the_rest_delivered),
	    cmocka_unit_test(what_is_no_archive_is_refused_outside_and_skipped_inside),
	    cmocka_unit_test(a_member_that_claims_more_than_deflate_can_give_costs_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
