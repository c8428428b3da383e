#include "runtime/source_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A byte stream: Y4M, Motion JPEG (JPEGs one after another), or one picture (JPEG, PNG, PGM, PPM). */
enum stream_form { STREAM_Y4M, STREAM_JPEG, STREAM_PNG, STREAM_PNM };
struct stream_state {
	FILE *stream;
	enum stream_form form;
	bool seekable, done;
	size_t width, height;
	bool grey;      /* Y4M Cmono */
	uint8_t *bytes; /* one frame */
	size_t capacity, frame;
};

static uint8_t clamp_byte(int x)
{
	return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* R = 1.164 (Y − 16) + 1.596 (V − 128), G, B alike (BT.601), in 10-bit fixed point. */
static void yuv_pixel(int y, int u, int v, uint8_t *rgb)
{
	int luma = 1192 * (y - 16) + 512;
	u -= 128;
	v -= 128;
	rgb[0] = clamp_byte((luma + 1634 * v) >> 10);
	rgb[1] = clamp_byte((luma - 401 * u - 832 * v) >> 10);
	rgb[2] = clamp_byte((luma + 2066 * u) >> 10);
}

void yuv420_to_rgb(const uint8_t *planes, size_t width, size_t height, uint8_t *rgb)
{
	size_t half = (width + 1) / 2;
	const uint8_t *u = planes + width * height, *v = u + half * ((height + 1) / 2);
	for (size_t row = 0; row < height; row++)
		for (size_t column = 0; column < width; column++) {
			size_t chroma = row / 2 * half + column / 2;
			yuv_pixel(planes[row * width + column], u[chroma], v[chroma], rgb + (row * width + column) * 3);
		}
}

void yuyv_to_rgb(const uint8_t *pixels, size_t stride, size_t width, size_t height, uint8_t *rgb)
{
	for (size_t row = 0; row < height; row++) {
		const uint8_t *line = pixels + row * stride;
		for (size_t column = 0; column < width; column++) {
			const uint8_t *pair = line + column / 2 * 4;
			yuv_pixel(pair[column % 2 * 2], pair[1], pair[3], rgb + (row * width + column) * 3);
		}
	}
}

void nv12_to_rgb(const uint8_t *pixels, size_t stride, size_t width, size_t height, uint8_t *rgb)
{
	for (size_t row = 0; row < height; row++) {
		const uint8_t *line = pixels + row * stride, *pairs = pixels + (height + row / 2) * stride;
		for (size_t column = 0; column < width; column++) {
			const uint8_t *pair = pairs + column / 2 * 2;
			yuv_pixel(line[column], pair[0], pair[1], rgb + (row * width + column) * 3);
		}
	}
}

void grey_to_rgb(const uint8_t *pixels, size_t stride, size_t width, size_t height, uint8_t *rgb)
{
	for (size_t row = 0; row < height; row++)
		for (size_t column = 0; column < width; column++)
			memset(rgb + (row * width + column) * 3, pixels[row * stride + column], 3);
}

int image_to_rgb(struct image *image, struct err *err)
{
	if (image->channels == 3)
		return OK;
	struct image rgb;
	int code = image_new(&rgb, image->width, image->height, 3, err);
	if (code == OK)
		grey_to_rgb(image->pixels, image->width, image->width, image->height, rgb.pixels);
	image_free(image);
	if (code == OK)
		*image = rgb;
	return code;
}

/* ---- Y4M ------------------------------------------------------------------------------------ */

static int y4m_parameter(struct source *source, struct stream_state *state, const char *word, struct err *err)
{
	unsigned long top = 0, bottom = 1;
	switch (word[0]) {
	case 'W':
		state->width = strtoul(word + 1, NULL, 10);
		return OK;
	case 'H':
		state->height = strtoul(word + 1, NULL, 10);
		return OK;
	case 'F':
		/* What is beyond a thousand pictures a second or one a minute is no rhythm to wait for. */
		if (sscanf(word + 1, "%lu:%lu", &top, &bottom) == 2 && top > 0 && (double)bottom / (double)top >= 0.001 &&
		    (double)bottom / (double)top <= 60)
			source->interval = (double)bottom / (double)top;
		return OK;
	case 'C':
		state->grey = strcmp(word, "Cmono") == 0;
		if (state->grey || (strncmp(word, "C420", 4) == 0 && strncmp(word, "C420p", 5) != 0) ||
		    strcmp(word, "C420paldv") == 0)
			return OK;
		return err_set(err, ERR_DATA, "%s: Y4M in %s; only 8-bit C420 and Cmono are read", source->name, word + 1);
	default:
		return OK;
	}
}

static int y4m_start(struct source *source, struct stream_state *state, struct err *err)
{
	char line[256], *rest = NULL;
	if (!fgets(line, sizeof(line), state->stream) || !strchr(line, '\n'))
		return err_set(err, ERR_DATA, "%s: the Y4M header line is cut off", source->name);
	source->interval = 1.0 / 25;
	for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
		if (y4m_parameter(source, state, word, err) != OK)
			return err->code;
	if (!state->width || !state->height || state->width > SOURCE_MAX_SIDE || state->height > SOURCE_MAX_SIDE)
		return err_set(err, ERR_DATA, "%s: Y4M of %zu x %zu pixels; 1..%d a side are read", source->name, state->width,
		               state->height, SOURCE_MAX_SIDE);
	size_t luma = state->width * state->height;
	state->frame = state->grey ? luma : luma + 2 * ((state->width + 1) / 2) * ((state->height + 1) / 2);
	free(state->bytes);
	state->bytes = mem_alloc(state->frame, 1, err);
	return state->bytes ? OK : err->code;
}

static int y4m_next(struct source *source, struct image *out, bool *end, struct err *err)
{
	struct stream_state *state = source->state;
	char line[256];
	if (!fgets(line, sizeof(line), state->stream)) {
		*end = true;
		return OK;
	}
	if (strncmp(line, "FRAME", 5) != 0 || !strchr(line, '\n'))
		return err_set(err, ERR_DATA, "%s: a Y4M frame does not start with FRAME", source->name);
	if (fread(state->bytes, 1, state->frame, state->stream) != state->frame) {
		source->skipped++;
		*end = true;
		return OK;
	}
	int code = image_new(out, state->width, state->height, state->grey ? 1 : 3, err);
	if (code != OK)
		return code;
	if (state->grey) {
		memcpy(out->pixels, state->bytes, state->frame);
		return image_to_rgb(out, err);
	}
	yuv420_to_rgb(state->bytes, state->width, state->height, out->pixels);
	return OK;
}

/* ---- JPEG after JPEG, and single pictures ------------------------------------------------------ */

static int put_byte(struct source *source, struct stream_state *state, size_t at, int byte, struct err *err)
{
	if (at >= SOURCE_MAX_BYTES)
		return err_set(err, ERR_DATA, "%s: a picture of more than %zu MB", source->name, SOURCE_MAX_BYTES >> 20);
	if (at >= state->capacity) {
		uint8_t *grown = mem_grow(state->bytes, &state->capacity, at + 1, 1, err);
		if (!grown)
			return err->code;
		state->bytes = grown;
	}
	state->bytes[at] = (uint8_t)byte;
	return OK;
}

/* From FF D8 to FF D9. Inside entropy-coded data FF is followed by 00 or a restart marker, and a
 * thumbnail lies inside a segment whose length is skipped, so the first FF D9 at marker level is the end. */
static int jpeg_collect(struct source *source, struct stream_state *state, size_t *size, struct err *err)
{
	FILE *stream = state->stream;
	int previous = 0, byte;
	while ((byte = getc_unlocked(stream)) != EOF && !(previous == 0xFF && byte == 0xD8))
		previous = byte;
	*size = 0;
	if (byte == EOF)
		return OK;
	size_t at = 2, skip = 0;
	if (put_byte(source, state, 0, 0xFF, err) != OK || put_byte(source, state, 1, 0xD8, err) != OK)
		return err->code;
	for (previous = 0; (byte = getc_unlocked(stream)) != EOF; at++) {
		if (put_byte(source, state, at, byte, err) != OK)
			return err->code;
		if (skip > 0) {
			skip--;
			previous = 0;
			continue;
		}
		if (previous == 0xFF && byte == 0xD9) {
			*size = at + 1;
			return OK;
		}
		bool segment = previous == 0xFF && byte >= 0xC0 && byte != 0xFF && !(byte >= 0xD0 && byte <= 0xD8);
		previous = byte;
		if (!segment)
			continue;
		int high = getc_unlocked(stream), low = getc_unlocked(stream);
		if (high == EOF || low == EOF)
			break;
		if (put_byte(source, state, ++at, high, err) != OK || put_byte(source, state, ++at, low, err) != OK)
			return err->code;
		skip = (size_t)(high << 8 | low);
		skip = skip > 2 ? skip - 2 : 0;
		previous = 0;
	}
	source->skipped++;
	return OK;
}

static int jpeg_next(struct source *source, struct image *out, bool *end, struct err *err)
{
	struct stream_state *state = source->state;
	for (;;) {
		size_t size;
		int code = jpeg_collect(source, state, &size, err);
		if (code != OK)
			return code;
		if (size == 0) {
			*end = true;
			return OK;
		}
		struct err own = {0};
		code = image_decode(out, state->bytes, size, 3, source->name, &own);
		if (code == OK)
			return OK;
		if (code == ERR_MEMORY)
			return err_set(err, code, "%s", own.text);
		source->skipped++;
	}
}

static int read_whole(struct source *source, struct stream_state *state, size_t *size, struct err *err)
{
	int byte;
	for (*size = 0; (byte = getc_unlocked(state->stream)) != EOF; ++*size)
		if (put_byte(source, state, *size, byte, err) != OK)
			return err->code;
	return ferror(state->stream) ? err_errno(err, "%s", source->name) : OK;
}

/* The next number of a PNM header; comments run from # to the end of the line. SIZE_MAX when there is none. */
static size_t pnm_number(const uint8_t *bytes, size_t size, size_t *at)
{
	while (*at < size && (isspace(bytes[*at]) || bytes[*at] == '#')) {
		if (bytes[*at] == '#')
			while (*at < size && bytes[*at] != '\n')
				++*at;
		else
			++*at;
	}
	size_t value = 0, digits = 0;
	for (; *at < size && isdigit(bytes[*at]) && digits < 6; ++*at, digits++)
		value = value * 10 + (size_t)(bytes[*at] - '0');
	return digits ? value : SIZE_MAX;
}

static int pnm_decode(struct source *source, const uint8_t *bytes, size_t size, struct image *out, struct err *err)
{
	size_t at = 2, channels = bytes[1] == '6' ? 3 : 1;
	size_t width = pnm_number(bytes, size, &at), height = pnm_number(bytes, size, &at),
	       most = pnm_number(bytes, size, &at);
	if (width - 1 >= SOURCE_MAX_SIDE || height - 1 >= SOURCE_MAX_SIDE || most != 255)
		return err_set(err, ERR_DATA, "%s: not a binary PGM or PPM with 8 bits and sides of 1..%d", source->name,
		               SOURCE_MAX_SIDE);
	at++;
	if (at > size || size - at < width * height * channels)
		return err_set(err, ERR_DATA, "%s: the PNM picture is cut off", source->name);
	int code = image_new(out, width, height, channels, err);
	if (code != OK)
		return code;
	memcpy(out->pixels, bytes + at, width * height * channels);
	return image_to_rgb(out, err);
}

static int single_next(struct source *source, struct image *out, bool *end, struct err *err)
{
	struct stream_state *state = source->state;
	if (state->done) {
		*end = true;
		return OK;
	}
	size_t size;
	int code = read_whole(source, state, &size, err);
	if (code != OK)
		return code;
	state->done = true;
	if (state->form == STREAM_PNM)
		return pnm_decode(source, state->bytes, size, out, err);
	return image_decode(out, state->bytes, size, 3, source->name, err);
}

static int stream_next(struct source *source, struct image *out, bool *end, struct err *err)
{
	const struct stream_state *state = source->state;
	if (state->form == STREAM_Y4M)
		return y4m_next(source, out, end, err);
	return state->form == STREAM_JPEG ? jpeg_next(source, out, end, err) : single_next(source, out, end, err);
}

static void stream_close(struct source *source)
{
	struct stream_state *state = source->state;
	if (state->stream)
		fclose(state->stream);
	free(state->bytes);
	free(state);
}

static int stream_rewind(struct source *source, struct err *err)
{
	struct stream_state *state = source->state;
	if (fseek(state->stream, 0, SEEK_SET) != 0)
		return err_errno(err, "%s", source->name);
	state->done = false;
	return state->form == STREAM_Y4M ? y4m_start(source, state, err) : OK;
}

/* The form by its first two bytes, which are put back: ungetc promises one byte, glibc's buffer holds two. */
static int stream_sniff(struct source *source, struct stream_state *state, struct err *err)
{
	int first = getc(state->stream), second = getc(state->stream);
	if (second == EOF || ungetc(second, state->stream) == EOF || ungetc(first, state->stream) == EOF)
		return err_set(err, ERR_DATA, "%s: nothing to read", source->name);
	if (first == 0xFF && second == 0xD8)
		state->form = STREAM_JPEG;
	else if (first == 0x89 && second == 'P')
		state->form = STREAM_PNG;
	else if (first == 'P' && (second == '5' || second == '6'))
		state->form = STREAM_PNM;
	else if (first == 'Y' && second == 'U')
		state->form = STREAM_Y4M;
	else
		return err_set(err, ERR_DATA, "%s: neither Y4M, JPEG, Motion JPEG, PNG, PGM nor PPM", source->name);
	bool film = state->form == STREAM_JPEG && strncasecmp(path_extension(source->name), "jp", 2) != 0;
	source->interval = film ? 1.0 / 30 : 1.0;
	return state->form == STREAM_Y4M ? y4m_start(source, state, err) : OK;
}

int source_open_stream(struct source *source, FILE *stream, struct err *err)
{
	static const struct source_kind file_kind = {stream_next, stream_rewind, stream_close};
	static const struct source_kind pipe_kind = {stream_next, NULL, stream_close};
	struct stream_state *state = mem_alloc(1, sizeof(*state), err);
	if (!state) {
		fclose(stream);
		return err->code;
	}
	state->stream = stream;
	source->state = state;
	state->seekable = fseek(stream, 0, SEEK_SET) == 0;
	source->kind = state->seekable ? &file_kind : &pipe_kind;
	return stream_sniff(source, state, err);
}
