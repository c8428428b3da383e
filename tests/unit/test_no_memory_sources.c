/* Where pictures come from one after the other, with memory that runs out: a camera, the camera that the server itself
 * looks through, and an archive in an archive that must be held whole. */
#include "support/preload/fake_camera.c"

#include <limits.h>

#include "archive_fixture.h"
#include "failing_memory.h"
#include "http_fixture.h"

/* ---- a camera ---- */

static int look(struct err *err)
{
	struct source *source;
	int code = source_open(&source, "/dev/video0", err);
	if (code != OK)
		return code;
	for (int i = 0; i < 2 && code == OK; i++) {
		struct image image;
		bool end;
		code = source_next(source, &image, &end, err);
		if (code == OK && (image.width != WIDTH || image.height != HEIGHT))
			code = err_set(err, ERR_DATA, "a picture of %zu × %zu", image.width, image.height);
		if (code == OK)
			image_free(&image);
	}
	source_close(source);
	return code;
}

/* ---- the server's own ---- */

static const char *watched;

/* A picture is shown, or memory has run out behind the start: then the stream has ended or looks again, and the server
 * stops as ever. */
static int stream(struct err *err)
{
	struct server *own;
	const struct server_options options = {.listen = "127.0.0.1:0", .source = watched, .threads = 1};
	int code = server_start(&own, bundle, &options, err);
	if (code != OK)
		return code;
	bool shown = false, failed = false;
	for (int wait = 0; wait < 5000 && !shown && !failed; wait++, usleep(1000)) {
		shown = atomic_load(&own->metrics.stream_frames) > 0;
		failed = atomic_load(&memory.failed);
	}
	server_stop(own);
	return shown || failed ? OK : err_set(err, ERR_DATA, "no picture from %s", watched);
}

static bool stream_stopped(void)
{
	return true;
}

/* Each allocation that an undisturbed run comes to; at each fourth all behind it, too. */
static void walk_stream(const char *what)
{
	size_t wrong = 0;
	const struct attempt attempt = {what, stream};
	watched = what;
	memory_calm(&attempt);
	memory_forget();
	memory_arm(LONG_MAX, false);
	memory_calm(&attempt);
	long all = atomic_load(&memory.count);
	memory_disarm();
	for (long n = 1; n <= all; n++) {
		(void)memory_try(&attempt, stream_stopped, n, false, &wrong);
		if (n % 4 == 0)
			(void)memory_try(&attempt, stream_stopped, n, true, &wrong);
	}
	print_message("%s: %ld allocations\n", what, all);
	assert_true(all > 50);
	if (wrong)
		fail_msg("%zu times", wrong);
}

static const char *film(void)
{
	struct err err = {0};
	struct strbuf all = {0};
	static char path[1200];
	size_t size;
	uint8_t *jpeg = face_jpeg(&size);
	for (int i = 0; i < 2; i++)
		strbuf_add_bytes(&all, (const char *)jpeg, size);
	snprintf(path, sizeof path, "%s", scratch_path(folder, "film.mjpeg"));
	assert_ok(file_write(path, all.text, all.length, &err));
	strbuf_free(&all);
	free(jpeg);
	return path;
}

/* ---- an archive that is held ---- */

static const char *archive_path(void)
{
	return scratch_path(folder, "outer.zip");
}

static void write_archive(void)
{
	char *bytes;
	size_t size, zip_size;
	uint8_t *zip;
	struct archive *archive = foreign_open("7z", scratch_path(folder, "a.7z"));
	foreign_add(archive, "one.txt", "11111111111111111111", AE_IFREG, NULL);
	foreign_add(archive, "two.txt", "22", AE_IFREG, NULL);
	foreign_close(archive);
	load(scratch_path(folder, "a.7z"), &bytes, &size);
	zip_pieces((struct piece[]){{"a.7z", NULL, bytes, size}, {"after", "!", NULL, 0}}, 2, true, &zip, &zip_size);
	save(archive_path(), zip, zip_size);
	free(zip);
	free(bytes);
}

static int count_member(const struct member *member, void *context, struct err *err)
{
	(void)member, (void)err;
	++*(size_t *)context;
	return OK;
}

static int unpack(struct err *err)
{
	size_t members = 0;
	const struct member_walk walk = {.deliver = count_member, .context = &members, .max_total = 1 << 20};
	int code = members_walk(archive_path(), &walk, err);
	return code == OK && members != 3 ? err_set(err, ERR_DATA, "%zu members", members) : code;
}

static const struct attempt attempts[] = {{"source_open_v4l2", look}, {"archive_walk_bytes", unpack}};

static void sources(void **state)
{
	(void)state;
	write_archive();
	memory_walk(attempts, ARRAY_COUNT(attempts));
}

static void own_cameras(void **state)
{
	(void)state;
	walk_stream(film());
	walk_stream("/dev/video0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sources),
	    cmocka_unit_test(own_cameras),
	};
	setenv("FAKE_CAMERA", "yuyv", 1);
	log_set_level(LOG_QUIET);
	return cmocka_run_group_tests(tests, start, end);
}
