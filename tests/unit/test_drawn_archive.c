/* Archives of drawn pictures, which threads draw side by side. */
#include "drawn_fixture.h"

static double difference(const struct image *a, const struct image *b, struct rect in)
{
	double sum = 0;
	size_t n = 0;

	for (int y = in.y < 0 ? 0 : in.y; y < in.y + in.h && y < (int)a->height; y++)
		for (int x = in.x < 0 ? 0 : in.x; x < in.x + in.w && x < (int)a->width; x++, n++)
			for (size_t c = 0; c < 3; c++) {
				size_t at = 3 * ((size_t)y * a->width + (size_t)x) + c;
				sum += abs(a->pixels[at] - b->pixels[at]);
			}
	return n ? sum / (double)(3 * n) : 0;
}

struct walked {
	size_t pictures, texts, people;
	char last[16];
};

static int count_member(const struct member *member, void *context, struct err *err)
{
	struct walked *walked = context;
	const char *extension = path_extension(member->path);

	if (memcmp(walked->last, member->path, 8) != 0) {
		walked->people++;
		memcpy(walked->last, member->path, 8);
	}
	if (!strcmp(extension, "jpg")) {
		struct image image;
		int code = image_decode(&image, member->bytes, member->size, 3, member->path, err);
		if (code != OK)
			return code;
		walked->pictures += image.width == 173 && image.height == 115;
		image_free(&image);
	} else {
		walked->texts += !strcmp(extension, "txt");
	}
	return OK;
}

static void the_archive_is_nested_and_has_the_same_bytes_on_any_threads(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new(), a[SHA256_HEX], b[SHA256_HEX];
	struct drawn_faces faces = small;
	struct drawn_counts counts;
	struct walked walked = {0};

	faces.people = 18; /* more than one batch */
	faces.pictures = 6;
	assert_ok(drawn_faces_save(scratch_path(folder, "two.zip"), &faces, &counts, &err));
	faces.threads = 1;
	assert_ok(drawn_faces_save(scratch_path(folder, "one.zip"), &faces, &counts, &err));
	assert_ok(sha256_file(scratch_path(folder, "two.zip"), a, &err));
	assert_ok(sha256_file(scratch_path(folder, "one.zip"), b, &err));
	assert_string_equal(a, b);
	struct member_walk walk = {.deliver = count_member, .context = &walked};
	assert_ok(members_walk(scratch_path(folder, "one.zip"), &walk, &err));
	assert_int_equal(walked.people, 18);
	assert_int_equal(walked.pictures, 18 * 6);
	assert_int_equal(walked.pictures, counts.pictures);
	assert_int_equal(walked.texts, counts.marked);
	assert_true(counts.marked >= 18 * 3 && counts.marked < counts.pictures);
	scratch_remove(folder);
}

static void backgrounds_differ_and_repeat(void **state)
{
	(void)state;
	struct err err = {0};
	struct image a, b, again;

	for (size_t i = 0; i < 9; i++) {
		assert_ok(drawn_background(4, i, 160, 120, &a, &err));
		assert_ok(drawn_background(4, i, 160, 120, &again, &err));
		assert_ok(drawn_background(4, i + 9, 160, 120, &b, &err));
		assert_true(same_image(&a, &again));
		assert_true(difference(&a, &b, (struct rect){0, 0, 160, 120}) > 5);
		image_free(&a);
		image_free(&b);
		image_free(&again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_archive_is_nested_and_has_the_same_bytes_on_any_threads),
		cmocka_unit_test(backgrounds_differ_and_repeat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
