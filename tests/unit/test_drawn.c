/* Drawn people and playlists: what must hold for whoever learns from them. */
#include "drawn_fixture.h"

static void a_picture_depends_on_seed_person_and_shot_alone(void **state)
{
	(void)state;
	struct err err = {0};
	struct drawn_shot shot = {1, 1, 2, 7};
	struct drawn_faces many = small, other = small;
	struct image a, b, c, d;

	many.people = 500;
	many.pictures = 3;
	many.threads = 1;
	other.seed = 8;
	assert_ok(drawn_face(&small, 1, shot, &a, NULL, &err));
	assert_ok(drawn_face(&many, 1, shot, &b, NULL, &err));
	assert_ok(drawn_face(&other, 1, shot, &c, NULL, &err));
	assert_ok(drawn_face(&small, 2, shot, &d, NULL, &err));
	assert_int_equal(a.width, 173);
	assert_int_equal(a.height, 115);
	assert_true(same_image(&a, &b));
	assert_false(same_image(&a, &c));
	assert_false(same_image(&a, &d));
	image_free(&a);
	image_free(&b);
	image_free(&c);
	image_free(&d);
}

/* Mean grey of a rectangle that lies inside the picture. */
static double mean_grey(const struct image *image, double x, double y, int half_w, int half_h)
{
	double sum = 0;
	int n = 0;

	for (int v = (int)y - half_h; v <= (int)y + half_h; v++)
		for (int u = (int)x - half_w; u <= (int)x + half_w; u++, n++) {
			const uint8_t *p = image->pixels + 3 * ((size_t)v * image->width + (size_t)u);
			sum += 0.30 * p[0] + 0.59 * p[1] + 0.11 * p[2];
		}
	return sum / n;
}

/* What every Haar cascade for faces is built on. */
static void eyes_are_darker_than_the_cheeks_below_them(void **state)
{
	(void)state;
	struct err err = {0};
	struct drawn_faces faces = {.people = 40, .pictures = 1, .width = 346, .height = 230, .seed = 3, .threads = 1};
	size_t darker = 0;

	for (size_t person = 0; person < faces.people; person++) {
		struct image image;
		struct drawn_marks m;
		assert_ok(drawn_face(&faces, person, (struct drawn_shot){1, 1, 1, 7}, &image, &m, &err));
		for (size_t eye = 1; eye <= 2; eye++) {
			double x = m.points[eye][0], y = m.points[eye][1], down = 0.45 * (m.points[0][1] - y);
			darker += mean_grey(&image, x, y, 8, 3) < mean_grey(&image, x, y + down + 6, 8, 3);
		}
		image_free(&image);
	}
	assert_true(darker >= 76);
}

/* Accessories by their K-FACE number, as means over people: a pose differs from picture to picture. */
static void glasses_and_caps_are_where_they_are_worn(void **state)
{
	(void)state;
	struct err err = {0};
	struct drawn_faces faces = {.people = 20, .pictures = 1, .width = 346, .height = 230, .seed = 3, .threads = 1};
	double eyes[7] = {0}, forehead[7] = {0}, bridge[7] = {0}, lightest_eye[7] = {0};
	for (size_t person = 0; person < faces.people; person++)
		for (int worn = 1; worn <= 6; worn++) {
			struct image image;
			struct drawn_marks m;
			assert_ok(drawn_face(&faces, person, (struct drawn_shot){worn, 1, 1, 7}, &image, &m, &err));
			double gap = m.points[2][0] - m.points[1][0], x = (m.points[1][0] + m.points[2][0]) / 2,
			       y = (m.points[1][1] + m.points[2][1]) / 2;
			for (size_t eye = 1; eye <= 2; eye++) {
				double grey = mean_grey(&image, m.points[eye][0], m.points[eye][1], 8, 5);
				eyes[worn] += grey / 2;
				lightest_eye[worn] = fmax(lightest_eye[worn], grey);
			}
			forehead[worn] += mean_grey(&image, x, y - 0.7 * gap, 12, 4);
			bridge[worn] += mean_grey(&image, x, y, 2, 2);
			image_free(&image);
		}
	/* Sun glasses hide every eye; glass and a thin frame are lighter than eyes, horn lies dark across the nose. */
	assert_true(lightest_eye[4] < 40);
	assert_true(eyes[1] > 3 * eyes[4] && eyes[5] > 3 * eyes[4]);
	assert_true(eyes[2] > 1.03 * eyes[1] && eyes[3] > 1.03 * eyes[1]);
	assert_true(bridge[3] < 0.93 * bridge[1] && bridge[6] < 0.93 * bridge[5]);
	for (int worn = 2; worn <= 4; worn++)
		assert_true(fabs(forehead[worn] / forehead[1] - 1) < 0.1);
	assert_true(forehead[5] < 0.8 * forehead[1] && forehead[6] < 0.8 * forehead[1]);
}

static void points_and_boxes_fit_each_other_and_the_picture(void **state)
{
	(void)state;
	struct err err = {0};
	struct drawn_faces faces = {.people = 25, .pictures = 1, .width = 346, .height = 230, .seed = 3, .threads = 1};

	for (size_t person = 0; person < faces.people; person++) {
		struct image image;
		struct drawn_marks m;
		assert_ok(drawn_face(&faces, person, (struct drawn_shot){1, 1, 1 + (int)(person % 3), 7}, &image, &m, &err));
		struct rect f = m.boxes[0];
		assert_int_equal(f.w, f.h);
		assert_true(f.x >= 0 && f.y >= 0 && f.x + f.w <= 346 && f.y + f.h <= 230);
		/* Right eye left of the left eye, both above the nose, the mouth below it. */
		assert_true(m.points[1][0] + 10 < m.points[2][0] && m.points[3][0] + 10 < m.points[4][0]);
		assert_true(m.points[1][1] < m.points[0][1] && m.points[0][1] < m.points[3][1] &&
		            m.points[0][1] < m.points[4][1]);
		for (size_t i = 0; i < 5; i++)
			assert_true(m.points[i][0] > f.x && m.points[i][0] < f.x + f.w && m.points[i][1] > f.y &&
			            m.points[i][1] < f.y + f.h);
		image_free(&image);
	}
}

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void a_camera_hides_the_boxes_that_kface_says(void **state)
{
	(void)state;
	struct err err = {0};
	static const int boxes[] = {0, 5, 5, 6, 6, 6, 6, 7, 6, 6, 6, 6, 5, 5, 6, 6, 7, 6, 6, 6, 6};

	for (int camera = 1; camera <= 20; camera++) {
		struct image image;
		struct drawn_marks m;
		struct strbuf text = {0};
		assert_ok(drawn_face(&small, 0, (struct drawn_shot){1, 1, 1, camera}, &image, &m, &err));
		drawn_marks_print(&m, &text);
		assert_int_equal(lines_of(text.text), 7 + boxes[camera]);
		/* Cameras on the person's left (1–6, 14, 15, 19) cannot see the right ear. */
		bool left = camera <= 6 || camera == 14 || camera == 15 || camera == 19;
		assert_int_equal(m.hidden[5], left);
		assert_false(m.hidden[0] || m.hidden[3] || m.hidden[4]);
		image_free(&image);
		strbuf_free(&text);
	}
}

static void a_camera_to_the_left_sees_the_nose_move_left(void **state)
{
	(void)state;
	struct err err = {0};
	double nose[3];
	static const int cameras[3] = {4, 7, 10}; /* +45°, 0°, −45° */

	for (size_t i = 0; i < 3; i++) {
		struct image image;
		struct drawn_marks m;
		assert_ok(drawn_face(&small, 0, (struct drawn_shot){1, 1, 1, cameras[i]}, &image, &m, &err));
		nose[i] = (m.points[0][0] - m.boxes[0].x) / m.boxes[0].w;
		image_free(&image);
	}
	assert_true(nose[0] + 0.1 < nose[1] && nose[1] + 0.1 < nose[2]);
}

/* A smile is wider, a frown lower at its corners; but people differ so much that no threshold on the corners tells all.
 */
static void expressions_differ_in_the_mouth(void **state)
{
	(void)state;
	struct err err = {0};
	struct drawn_faces faces = {.people = 60, .pictures = 1, .width = 346, .height = 230, .seed = 5, .threads = 1};
	double width[4] = {0}, drop[4] = {0};
	double lowest_smile = -10, highest_frown = 10, lowest_neutral = -10;
	size_t ordered = 0;

	for (size_t person = 0; person < faces.people; person++) {
		double corner[4] = {0};
		for (int e = 1; e <= 3; e++) {
			struct image image;
			struct drawn_marks m;
			assert_ok(drawn_face(&faces, person, (struct drawn_shot){1, 1, e, 7}, &image, &m, &err));
			double eyes = hypot(m.points[2][0] - m.points[1][0], m.points[2][1] - m.points[1][1]);
			width[e] += hypot(m.points[4][0] - m.points[3][0], m.points[4][1] - m.points[3][1]) / eyes;
			corner[e] = (m.points[3][1] + m.points[4][1] - m.points[1][1] - m.points[2][1]) / eyes;
			drop[e] += corner[e];
			image_free(&image);
		}
		ordered += corner[2] < corner[1] && corner[1] < corner[3];
		lowest_smile = fmax(lowest_smile, corner[2]);
		lowest_neutral = fmax(lowest_neutral, corner[1]);
		highest_frown = fmin(highest_frown, corner[3]);
	}
	assert_true(width[2] > 1.1 * width[1] && width[1] > 0.95 * width[3]);
	assert_true(drop[2] < drop[1] && drop[1] < drop[3]);
	assert_true(ordered > faces.people * 3 / 4);
	assert_true(lowest_neutral > highest_frown && lowest_smile > highest_frown - 0.1);
}

static void shots_differ_and_take_the_expressions_in_turn(void **state)
{
	(void)state;
	struct err err = {0};
	struct drawn_faces faces = small;

	faces.pictures = 1000;
	struct drawn_shot *shots = mem_alloc(faces.pictures, sizeof *shots, &err);
	drawn_shots(&faces, 0, shots);
	for (size_t i = 0; i < faces.pictures; i++) {
		assert_int_equal(shots[i].expression, i % 3 + 1);
		assert_true(shots[i].accessory >= 1 && shots[i].accessory <= 6 && shots[i].light >= 1 && shots[i].light <= 30 &&
		            shots[i].camera >= 1 && shots[i].camera <= 20);
		for (size_t j = 0; j < i; j++)
			assert_true(memcmp(&shots[i], &shots[j], sizeof *shots) != 0);
	}
	free(shots);
}

static void impossible_wishes_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct drawn_faces faces = small;
	struct image image;
	struct drawn_counts counts;
	char *folder = scratch_new();

	assert_refused(drawn_face(&faces, 0, (struct drawn_shot){1, 31, 1, 7}, &image, NULL, &err), ERR_SETTINGS, "L31");
	faces.width = 10;
	assert_refused(drawn_face(&faces, 0, (struct drawn_shot){1, 1, 1, 7}, &image, NULL, &err), ERR_SETTINGS,
	               "10 × 115");
	/* A failure in the middle leaves nothing behind. */
	assert_refused(drawn_faces_save(scratch_path(folder, "x.zip"), &faces, &counts, &err), ERR_SETTINGS, "10 × 115");
	struct path_list left = {0};
	assert_ok(folder_walk(&left, folder, &err));
	assert_int_equal(left.count, 0);
	path_list_free(&left);
	scratch_remove(folder);
}

/* ---- playlists ---- */

struct tally {
	size_t rows, tags, songs, summer, summer_sea, sea, moodless, max_likes;
};

static bool has(const struct json *tags, const char *tag)
{
	for (size_t i = 0; i < json_count(tags); i++)
		if (!strcmp(json_text(json_at(tags, i), ""), tag))
			return true;
	return false;
}

static int tally_row(const struct json *row, size_t index, void *context, struct err *err)
{
	struct tally *t = context;
	const struct json *tags = json_get(row, "tags"), *songs = json_get(row, "songs");
	bool summer = has(tags, "여름"), sea = has(tags, "바다");
	size_t likes = (size_t)json_integer_value(json_get(row, "like_cnt"), 0);

	if (json_integer_value(json_get(row, "id"), 0) != (int64_t)index + 1 ||
	    !json_text(json_get(row, "plylst_title"), NULL) ||
	    strlen(json_text(json_get(row, "updt_date"), "")) != strlen("2020-01-01 00:00:00.000"))
		return err_set(err, ERR_DATA, "row %zu is not Melon's", index);
	t->rows++;
	t->tags += json_count(tags);
	t->songs += json_count(songs);
	t->moodless += json_count(tags) == 0;
	t->summer += summer;
	t->sea += sea;
	t->summer_sea += summer && sea;
	if (likes > t->max_likes)
		t->max_likes = likes;
	for (size_t i = 0; i < json_count(songs); i++)
		if (json_integer_value(json_at(songs, i), -1) < 0 || json_integer_value(json_at(songs, i), 500) >= 500)
			return err_set(err, ERR_DATA, "row %zu: song out of range", index);
	return OK;
}

static int count_row(const struct json *row, size_t index, void *context, struct err *err)
{
	(void)err;
	*(size_t *)context += json_integer_value(json_get(row, "id"), -1) == (int64_t)index;
	return OK;
}

static void playlists_have_melons_schema_and_tags_of_a_mood_meet(void **state)
{
	(void)state;
	struct err err = {0};
	char *folder = scratch_new(), a[SHA256_HEX], b[SHA256_HEX];
	struct drawn_playlists wish = {.playlists = 1000, .songs = 500, .seed = 2};
	struct drawn_playlists_counts counts;
	struct tally t = {0};
	size_t meta = 0;

	assert_ok(
	    drawn_playlists_save(scratch_path(folder, "p.json"), scratch_path(folder, "m.json"), &wish, &counts, &err));
	assert_ok(json_stream(scratch_path(folder, "p.json"), tally_row, &t, &err));
	assert_ok(json_stream(scratch_path(folder, "m.json"), count_row, &meta, &err));
	assert_int_equal(t.rows, 1000);
	assert_int_equal(meta, 500);
	assert_true(t.tags == counts.tags && t.songs == counts.songs);
	assert_true(t.moodless > 5 && t.moodless < 150 && t.max_likes > 300);
	/* Met at least four times as often as two tags that know nothing of each other would. */
	assert_true((double)t.summer_sea > 4.0 * (double)t.summer * (double)t.sea / 1000);
	assert_ok(
	    drawn_playlists_save(scratch_path(folder, "q.json"), scratch_path(folder, "m.json"), &wish, &counts, &err));
	assert_ok(sha256_file(scratch_path(folder, "p.json"), a, &err));
	assert_ok(sha256_file(scratch_path(folder, "q.json"), b, &err));
	assert_string_equal(a, b);
	wish.songs = 10;
	assert_refused(
	    drawn_playlists_save(scratch_path(folder, "r.json"), scratch_path(folder, "m.json"), &wish, &counts, &err),
	    ERR_SETTINGS, "10 songs");
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_picture_depends_on_seed_person_and_shot_alone),
		cmocka_unit_test(eyes_are_darker_than_the_cheeks_below_them),
		cmocka_unit_test(glasses_and_caps_are_where_they_are_worn),
		cmocka_unit_test(points_and_boxes_fit_each_other_and_the_picture),
		cmocka_unit_test(a_camera_hides_the_boxes_that_kface_says),
		cmocka_unit_test(a_camera_to_the_left_sees_the_nose_move_left),
		cmocka_unit_test(expressions_differ_in_the_mouth),
		cmocka_unit_test(shots_differ_and_take_the_expressions_in_turn),
		cmocka_unit_test(impossible_wishes_are_refused),
		cmocka_unit_test(playlists_have_melons_schema_and_tags_of_a_mood_meet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
