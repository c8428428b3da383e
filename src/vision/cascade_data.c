/* Reading what a cascade is trained and judged on, from archives and folders, into a training and a held-out part. */
#include "vision/train_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SIDE_MOST 1600
#define NOTED_SKIPS 5
#define VEC_MOST ((size_t)8 << 30) /* bytes */

struct reader {
	const struct cascade_sources *sources;
	struct cascade_data *data;
	const char *root; /* name of the archive or folder, in front of its members */
	bool backgrounds;
	size_t delivered;
};

void cascade_part_free(struct cascade_part *part)
{
	crops_free(&part->crops);
	for (size_t i = 0; i < part->n_backgrounds; i++)
		image_free(&part->backgrounds[i]);
	free(part->backgrounds);
	*part = (struct cascade_part){0};
}

void cascade_data_free(struct cascade_data *data)
{
	cascade_part_free(&data->train);
	cascade_part_free(&data->held);
	path_list_free(&data->held_crops);
	path_list_free(&data->held_backgrounds);
}

static bool is_held(const struct cascade_sources *sources, const char *path)
{
	uint64_t hash = hash64(path, strlen(path), sources->variation.seed);
	return (double)(hash >> 11) * 0x1p-53 < sources->holdout;
}

static bool picture_wanted(const char *path, void *context)
{
	(void)context;
	const char *extension = path_extension(path);
	return strcasecmp(extension, "jpg") == 0 || strcasecmp(extension, "jpeg") == 0 || strcasecmp(extension, "png") == 0;
}

static void picture_skipped(const char *path, const char *reason, void *context)
{
	struct reader *reader = context;
	if (reader->data->skipped++ < NOTED_SKIPS)
		log_warn("cascade", "%s/%s is left out: %s", reader->root, path, reason);
}

static int shrink(struct image *image, struct err *err)
{
	size_t longer = image->width > image->height ? image->width : image->height;
	if (longer <= SIDE_MOST)
		return OK;
	struct image small;
	size_t width = (image->width * SIDE_MOST + longer / 2) / longer,
	       height = (image->height * SIDE_MOST + longer / 2) / longer;
	struct resize_tap *taps = mem_alloc(SIDE_MOST, sizeof *taps, err);
	int code = taps ? image_new(&small, width ? width : 1, height ? height : 1, 1, err) : err->code;
	if (code == OK) {
		resize_exact(&(struct resize){image->pixels, image->width, image->height, small.pixels, small.width,
		                              small.height, taps});
		image_free(image);
		*image = small;
	}
	free(taps);
	return code;
}

/* Takes the picture over on success. */
static int add_background(struct cascade_part *part, struct image *image, struct err *err)
{
	int code = shrink(image, err);
	if (code != OK)
		return code;
	if (part->n_backgrounds == part->background_room) {
		struct image *grown =
		    mem_grow(part->backgrounds, &part->background_room, part->n_backgrounds + 1, sizeof *grown, err);
		if (!grown)
			return err->code;
		part->backgrounds = grown;
	}
	part->backgrounds[part->n_backgrounds++] = *image;
	*image = (struct image){0};
	return OK;
}

int cascade_part_add(struct cascade_part *part, const struct cascade_sources *sources, const struct image *grey,
                     const double box[4], bool varied, struct err *err)
{
	uint64_t number = part->sources++;
	return crops_add(&part->crops, grey, box, varied ? &sources->variation : NULL, number, err);
}

static int deliver(const struct member *member, void *context, struct err *err)
{
	struct reader *reader = context;
	const struct cascade_sources *sources = reader->sources;
	struct cascade_data *data = reader->data;
	bool held = is_held(sources, member->path);
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", reader->root, member->path);
	if (stop_check("reading the cascade's pictures", err) != OK)
		return err->code;
	reader->delivered++;
	if (held && path_list_add(reader->backgrounds ? &data->held_backgrounds : &data->held_crops, path, err) != OK)
		return err->code;
	if (held ? !sources->held : !sources->train)
		return OK;
	struct image grey;
	struct err fault = {0};
	if (image_decode(&grey, member->bytes, member->size, 1, path, &fault) != OK) {
		if (fault.code == ERR_MEMORY)
			return err_set(err, ERR_MEMORY, "%s", fault.text);
		picture_skipped(member->path, fault.text, reader);
		return OK;
	}
	struct cascade_part *part = held ? &data->held : &data->train;
	double box[4] = {0, 0, (double)grey.width, (double)grey.height};
	int code = reader->backgrounds ? add_background(part, &grey, err)
	                               : cascade_part_add(part, sources, &grey, box, !held, err);
	image_free(&grey);
	return code;
}

static int vec_deliver(const struct cascade_sources *sources, const struct vec_file *file, size_t i,
                       struct cascade_data *data, struct image *grey, struct err *err)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%06zu", file->name, i);
	bool held = is_held(sources, path);
	const double box[4] = {0, 0, (double)grey->width, (double)grey->height};
	int code = held ? path_list_add(&data->held_crops, path, err) : OK;
	if (code == OK)
		code = vec_sample(file, i, grey->pixels, err);
	if (code != OK || (held ? !sources->held : !sources->train))
		return code;
	return cascade_part_add(held ? &data->held : &data->train, sources, grey, box, !held, err);
}

static int vec_samples(const struct cascade_sources *sources, const struct vec_file *file, struct cascade_data *data,
                       struct err *err)
{
	struct image grey;
	size_t pixels = (size_t)sources->window_w * (size_t)sources->window_h;
	if (file->pixels != pixels)
		return err_set(err, ERR_DATA,
		               "%s: samples of %zu pixels, the window %d×%d has %zu; set cascade.window_width and "
		               "cascade.window_height to -w and -h of opencv_createsamples",
		               file->name, file->pixels, sources->window_w, sources->window_h, pixels);
	int code = image_new(&grey, (size_t)sources->window_w, (size_t)sources->window_h, 1, err);
	if (code != OK)
		return code;
	for (size_t i = 0; code == OK && i < file->count; i++) {
		code = stop_check("reading the cascade's pictures", err);
		if (code == OK)
			code = vec_deliver(sources, file, i, data, &grey, err);
	}
	image_free(&grey);
	return code;
}

static int read_vec(const struct cascade_sources *sources, const char *path, struct cascade_data *data, struct err *err)
{
	struct vec_file file;
	char *bytes;
	size_t size;
	int code = file_read(path, VEC_MOST, &bytes, &size, err);
	if (code != OK)
		return code;
	code = vec_open(&file, bytes, size, path_name(path), err);
	if (code == OK)
		code = vec_samples(sources, &file, data, err);
	free(bytes);
	return code;
}

static int read_list(const struct cascade_sources *sources, const struct path_list *list, bool backgrounds,
                     struct cascade_data *data, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		struct reader reader = {sources, data, path_name(list->items[i]), backgrounds, 0};
		struct member_walk walk = {
		    .wanted = picture_wanted, .deliver = deliver, .skipped = picture_skipped, .context = &reader};
		bool vec = !backgrounds && strcasecmp(path_extension(list->items[i]), "vec") == 0;
		int code = vec ? read_vec(sources, list->items[i], data, err) : members_walk(list->items[i], &walk, err);
		if (code != OK)
			return code;
		if (!vec && reader.delivered == 0)
			return err_set(err, ERR_DATA, "%s: has no picture (jpg, jpeg or png) in it", list->items[i]);
	}
	return OK;
}

int cascade_data_read(const struct cascade_sources *sources, struct cascade_data *out, struct err *err)
{
	*out = (struct cascade_data){0};
	out->train.crops = out->held.crops = (struct crops){.width = sources->window_w, .height = sources->window_h};
	int code = sources->positives->count ? read_list(sources, sources->positives, false, out, err)
	                                     : cascade_data_faces(sources, out, err);
	if (code == OK)
		code = read_list(sources, sources->backgrounds, true, out, err);
	if (code == OK && out->skipped > 0)
		log_warn("cascade", "%zu pictures could not be read and are left out", out->skipped);
	if (code == OK && sources->train && (out->train.sources == 0 || out->train.n_backgrounds == 0))
		code = err_set(err, ERR_DATA, "%zu crops and %zu backgrounds to train on: both are needed", out->train.sources,
		               out->train.n_backgrounds);
	if (code != OK)
		cascade_data_free(out);
	return code;
}

int cascade_data_save_holdout(const struct cascade_data *data, const char *path, struct err *err)
{
	struct strbuf text = {0};
	for (size_t i = 0; i < data->held_crops.count; i++)
		strbuf_format(&text, "crop\t%s\n", data->held_crops.items[i]);
	for (size_t i = 0; i < data->held_backgrounds.count; i++)
		strbuf_format(&text, "background\t%s\n", data->held_backgrounds.items[i]);
	int code = strbuf_check(&text, err);
	if (code == OK)
		code = file_write(path, text.text ? text.text : "", text.length, err);
	strbuf_free(&text);
	return code;
}
