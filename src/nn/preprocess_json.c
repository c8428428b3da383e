#include "nn/nn.h"

#include <stdlib.h>
#include <string.h>

static const char *const kernel_names[] = {
    [KERNEL_NEAREST] = "nearest", [KERNEL_BILINEAR] = "bilinear", [KERNEL_AREA] = "area"};
static const char *const channel_names[] = {[CHANNELS_RGB] = "rgb", [CHANNELS_BGR] = "bgr"};

/* JSON numbers are printed with nine digits; a double that needs more goes as a text of seventeen. */
static bool fits_nine_digits(double number)
{
	char text[40];
	snprintf(text, sizeof text, "%.9g", number);
	return strtod(text, NULL) == number;
}

static const char *exact_text(double number, char text[40])
{
	snprintf(text, 40, "%.17g", number);
	return text;
}

static void set_exact(struct json *object, const char *key, double number)
{
	char text[40];
	if (fits_nine_digits(number))
		json_set_number(object, key, number);
	else
		json_set_text(object, key, exact_text(number, text));
}

static void append_exact(struct json *array, double number)
{
	char text[40];
	if (fits_nine_digits(number))
		json_append_number(array, number);
	else
		json_append_text(array, exact_text(number, text));
}

int preprocess_to_json(const struct preprocess *preprocess, struct json *object, struct err *err)
{
	int code = preprocess_check(preprocess, err);
	if (code != OK)
		return code;
	struct json *crop = json_set_array(object, "crop");
	for (size_t i = 0; i < preprocess->n_crop; i++)
		json_append_text(crop, crop_source_name(preprocess->crop[i]));
	set_exact(object, "margin", preprocess->margin);
	set_exact(object, "centre", preprocess->centre);
	set_exact(object, "centre_down", preprocess->centre_down);
	json_set_integer(object, "size", (int64_t)preprocess->size);
	json_set_text(object, "kernel", kernel_names[preprocess->kernel]);
	json_set_text(object, "channels", channel_names[preprocess->channels]);
	struct json *mean = json_set_array(object, "mean");
	for (size_t i = 0; i < ARRAY_COUNT(preprocess->mean); i++)
		append_exact(mean, preprocess->mean[i]);
	set_exact(object, "scale", preprocess->scale);
	set_exact(object, "detect_scale", preprocess->detect_scale);
	json_set_integer(object, "detect_neighbors", (int64_t)preprocess->detect_neighbors);
	json_set_integer(object, "detect_min_size", (int64_t)preprocess->detect_min_size);
	if (preprocess->frame_width) {
		struct json *frame = json_set_array(object, "frame");
		json_append_integer(frame, (int64_t)preprocess->frame_width);
		json_append_integer(frame, (int64_t)preprocess->frame_height);
	}
	return OK;
}

/* ---- reading ---- */

static int field_error(const char *field, const char *what, struct err *err)
{
	return err_set(err, ERR_DATA, "preprocess: \"%s\" %s", field, what);
}

static int number_of(const struct json *value, const char *field, double *out, struct err *err)
{
	if (json_kind(value) == JSON_KIND_NUMBER) {
		*out = json_number(value, 0);
		return OK;
	}
	const char *text = json_text(value, "");
	char *end;
	double number = strtod(text, &end);
	if (end == text || *end)
		return field_error(field, "is absent or not a number", err);
	*out = number;
	return OK;
}

static int count_of(const struct json *object, const char *field, size_t *out, struct err *err)
{
	const struct json *value = json_get(object, field);
	if (!json_is_integer(value) || json_integer_value(value, -1) < 0)
		return field_error(field, "is absent or not a whole number", err);
	*out = (size_t)json_integer_value(value, 0);
	return OK;
}

static int name_of(const struct json *object, const char *field, const char *const *names, size_t count, int *out,
                   struct err *err)
{
	const char *text = json_text(json_get(object, field), "");
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (int)i;
			return OK;
		}
	}
	return field_error(field, "is absent or not a name that is known", err);
}

static int crop_of(const struct json *object, struct preprocess *out, struct err *err)
{
	const struct json *crop = json_get(object, "crop");
	if (json_kind(crop) != JSON_KIND_ARRAY || json_count(crop) > CROP_SOURCES)
		return field_error("crop", "is absent or not a list of at most three names", err);
	out->n_crop = json_count(crop);
	for (size_t i = 0; i < out->n_crop; i++) {
		out->crop[i] = crop_source_find(json_text(json_at(crop, i), ""));
		if (out->crop[i] < 0)
			return field_error("crop", "names a source that is not cascade, box or centre", err);
	}
	return OK;
}

static int mean_of_channels(const struct json *object, struct preprocess *out, struct err *err)
{
	const struct json *mean = json_get(object, "mean");
	if (json_kind(mean) != JSON_KIND_ARRAY || json_count(mean) != ARRAY_COUNT(out->mean))
		return field_error("mean", "is absent or not a list of three numbers", err);
	for (size_t i = 0; i < ARRAY_COUNT(out->mean); i++) {
		int code = number_of(json_at(mean, i), "mean", &out->mean[i], err);
		if (code != OK)
			return code;
	}
	return OK;
}

/* Absent where pictures are taken as large as they come. */
static int frame_of(const struct json *object, struct preprocess *out, struct err *err)
{
	const struct json *frame = json_get(object, "frame");
	if (!frame)
		return OK;
	int64_t width = json_integer_value(json_at(frame, 0), 0), height = json_integer_value(json_at(frame, 1), 0);
	if (json_kind(frame) != JSON_KIND_ARRAY || json_count(frame) != 2 || width < 1 || height < 1)
		return field_error("frame", "is not a list of two whole numbers above 0", err);
	out->frame_width = (size_t)width;
	out->frame_height = (size_t)height;
	return OK;
}

static int reals_of(const struct json *object, struct preprocess *out, struct err *err)
{
	const struct {
		const char *field;
		double *place;
	} reals[] = {{"margin", &out->margin},
	             {"centre", &out->centre},
	             {"scale", &out->scale},
	             {"detect_scale", &out->detect_scale}};
	for (size_t i = 0; i < ARRAY_COUNT(reals); i++) {
		int code = number_of(json_get(object, reals[i].field), reals[i].field, reals[i].place, err);
		if (code != OK)
			return code;
	}
	/* Files that were written before there was one have their square in the middle. */
	if (json_get(object, "centre_down"))
		return number_of(json_get(object, "centre_down"), "centre_down", &out->centre_down, err);
	return OK;
}

int preprocess_from_json(struct preprocess *out, const struct json *object, struct err *err)
{
	struct preprocess read = {0};
	int code;
	if (json_kind(object) != JSON_KIND_OBJECT)
		return err_set(err, ERR_DATA, "preprocess: not an object");
	if ((code = crop_of(object, &read, err)) != OK || (code = reals_of(object, &read, err)) != OK ||
	    (code = mean_of_channels(object, &read, err)) != OK || (code = frame_of(object, &read, err)) != OK ||
	    (code = count_of(object, "size", &read.size, err)) != OK ||
	    (code = count_of(object, "detect_neighbors", &read.detect_neighbors, err)) != OK ||
	    (code = count_of(object, "detect_min_size", &read.detect_min_size, err)) != OK ||
	    (code = name_of(object, "kernel", kernel_names, ARRAY_COUNT(kernel_names), &read.kernel, err)) != OK ||
	    (code = name_of(object, "channels", channel_names, ARRAY_COUNT(channel_names), &read.channels, err)) != OK)
		return code;
	if (preprocess_check(&read, err) != OK)
		return err->code = ERR_DATA; /* here a file is wrong, not a setting */
	*out = read;
	return OK;
}

int preprocess_print(const struct preprocess *preprocess, char **out, struct err *err)
{
	struct json *object = json_object_new();
	int code = preprocess_to_json(preprocess, object, err);
	if (code == OK)
		code = json_print(object, 0, out, err);
	json_free(object);
	return code;
}

int preprocess_parse(struct preprocess *out, const char *text, const char *name, struct err *err)
{
	struct json *object = NULL;
	int code = json_load_text(&object, text, strlen(text), name, err);
	if (code != OK)
		return code;
	code = preprocess_from_json(out, object, err);
	json_free(object);
	return code == OK ? OK : err_wrap(err, "%s", name);
}
