#include "io/io.h"
#include "io/image_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define MAX_PIXELS ((size_t)100 * 1000 * 1000)

static int image_check_size(size_t width, size_t height, size_t max_pixels, struct err *err)
{
	size_t limit = max_pixels > 0 && max_pixels < MAX_PIXELS ? max_pixels : MAX_PIXELS;
	if (width == 0 || height == 0 || width > limit || height > limit / width)
		return err_set(err, ERR_DATA, "a picture of %zu × %zu pixels is not allowed (1 to %g megapixels)", width,
		               height, (double)limit / 1e6);
	return OK;
}

int image_new(struct image *out, size_t width, size_t height, size_t channels, struct err *err)
{
	int status = image_check_size(width, height, 0, err);
	if (status != OK)
		return status;
	if (channels != 1 && channels != 3)
		return err_set(err, ERR_DATA, "a picture has 1 or 3 channels, not %zu", channels);
	uint8_t *pixels = mem_alloc(width * height, channels, err);
	if (!pixels)
		return err->code;
	*out = (struct image){.width = width, .height = height, .channels = channels, .pixels = pixels};
	return OK;
}

void image_free(struct image *image)
{
	free(image->pixels);
	*image = (struct image){0};
}

uint8_t image_grey(unsigned r, unsigned g, unsigned b)
{
	return (uint8_t)((9798 * r + 19235 * g + 3735 * b + 16384) >> 15);
}

struct jpeg_source {
	tjhandle handle;
	const uint8_t *bytes;
	size_t size;
	const char *name;
	int width, height, subsampling, colours;
	int scaled_w, scaled_h; /* what is decoded: 1/1, 1/2, 1/4 or 1/8 */
};

/* ---- the decoder's memory ----------------------------------------------------------------------- */

struct image_decoder {
	tjhandle jpeg;
	struct jpeg_source head; /* read last, by image_decoder_head: the picture itself usually comes next */
	uint8_t *pixels;
	size_t capacity;
};

int image_decoder_new(struct image_decoder **out, struct err *err)
{
	struct image_decoder *decoder = mem_alloc(1, sizeof *decoder, err);
	if (!decoder)
		return err->code;
	decoder->jpeg = tjInitDecompress();
	if (!decoder->jpeg) {
		free(decoder);
		return err_set(err, ERR_MEMORY, "out of memory for a JPEG decoder");
	}
	*out = decoder;
	return OK;
}

void image_decoder_free(struct image_decoder *decoder)
{
	if (!decoder)
		return;
	if (decoder->jpeg)
		tjDestroy(decoder->jpeg);
	free(decoder->pixels);
	free(decoder);
}

void image_decoder_trim(struct image_decoder *decoder, size_t most)
{
	if (decoder->capacity <= most)
		return;
	free(decoder->pixels);
	decoder->pixels = NULL;
	decoder->capacity = 0;
}

/* Without the old content and without clearing: every byte is written by the codec. */
static int decoder_reserve(struct image_decoder *decoder, size_t size, struct err *err)
{
	if (size <= decoder->capacity)
		return OK;
	free(decoder->pixels);
	decoder->capacity = 0;
	decoder->pixels = malloc(size);
	if (!decoder->pixels)
		return err_set(err, ERR_MEMORY, "out of memory for %zu bytes of a picture", size);
	decoder->capacity = size;
	return OK;
}

/* ---- JPEG ------------------------------------------------------------------------------- */

static bool jpeg_has_end(const uint8_t *bytes, size_t size)
{
	while (size > 2 && bytes[size - 1] == 0)
		size--;
	return size > 2 && bytes[size - 2] == 0xFF && bytes[size - 1] == 0xD9;
}

/* The decoder goes on after damage and only warns, and of several warnings it shows one. In a picture that ends with
 * its end marker, bytes between two markers and oddities of its header do no harm; all else is damage. */
static int jpeg_check(const struct jpeg_source *jpeg, int failed, struct err *err)
{
	const char *text = tjGetErrorStr2(jpeg->handle);
	bool whole = jpeg_has_end(jpeg->bytes, jpeg->size);
	bool damaged = strstr(text, "Corrupt") || strstr(text, "remature");
	if (!failed ||
	    (tjGetErrorCode(jpeg->handle) == TJERR_WARNING && whole && (!damaged || strstr(text, "extraneous bytes"))))
		return OK;
	return err_set(err, ERR_DATA, "%s: %s JPEG (%s)", jpeg->name, whole ? "damaged" : "truncated", text);
}

/* a·b/255, rounded, as PIL does it. */
static unsigned multiply_255(unsigned a, unsigned b)
{
	unsigned t = a * b + 128;
	return ((t >> 8) + t) >> 8;
}

/* Adobe's CMYK is stored inverted: 255 means no ink. */
static void cmyk_row(const uint8_t *cmyk, size_t count, size_t channels, uint8_t *out)
{
	for (size_t i = 0; i < count; i++, cmyk += 4) {
		unsigned rgb[3];
		for (size_t c = 0; c < 3; c++)
			rgb[c] = cmyk[3] - multiply_255(255u - cmyk[c], cmyk[3]);
		if (channels == 1) {
			out[i] = image_grey(rgb[0], rgb[1], rgb[2]);
			continue;
		}
		for (size_t c = 0; c < 3; c++)
			out[3 * i + c] = (uint8_t)rgb[c];
	}
}

static int jpeg_samples(const struct jpeg_source *jpeg, uint8_t *samples, int format, struct err *err)
{
	int failed =
	    tjDecompress2(jpeg->handle, jpeg->bytes, jpeg->size, samples, jpeg->scaled_w, 0, jpeg->scaled_h, format, 0);
	return jpeg_check(jpeg, failed, err);
}

static int jpeg_cmyk(const struct jpeg_source *jpeg, const struct image *image, struct err *err)
{
	size_t count = image->width * image->height;
	uint8_t *cmyk = mem_alloc(count, 4, err);
	if (!cmyk)
		return err->code;
	int status = jpeg_samples(jpeg, cmyk, TJPF_CMYK, err);
	if (status == OK)
		cmyk_row(cmyk, count, image->channels, image->pixels);
	free(cmyk);
	return status;
}

static int jpeg_head(struct jpeg_source *jpeg, struct err *err)
{
	int failed = tjDecompressHeader3(jpeg->handle, jpeg->bytes, jpeg->size, &jpeg->width, &jpeg->height,
	                                 &jpeg->subsampling, &jpeg->colours);
	int status = jpeg_check(jpeg, failed, err);
	return status == OK && (jpeg->width < 1 || jpeg->height < 1)
	           ? err_set(err, ERR_DATA, "%s: damaged JPEG (it has no size)", jpeg->name)
	           : status;
}

/* TurboJPEG 2.1 leaves a handle in the middle of a header that failed, and reads the next picture from there on. */
static int renew_after_failure(struct image_decoder *decoder, int status, struct err *err)
{
	if (status == OK)
		return OK;
	tjDestroy(decoder->jpeg);
	decoder->jpeg = tjInitDecompress();
	return decoder->jpeg ? status : err_set(err, ERR_MEMORY, "out of memory for a JPEG decoder");
}

static int jpeg_decode(struct image_decoder *decoder, struct jpeg_source *jpeg, const struct image_wish *wish,
                       struct image *out, struct err *err)
{
	const struct jpeg_source *head = &decoder->head;
	int status = OK;
	if (head->bytes == jpeg->bytes && head->size == jpeg->size)
		*jpeg = *head;
	else
		status = jpeg_head(jpeg, err);
	decoder->head = (struct jpeg_source){0};
	if (status != OK)
		return status;
	tjscalingfactor scale = {1, wish->shrink > 1 ? (int)wish->shrink : 1};
	jpeg->scaled_w = TJSCALED(jpeg->width, scale);
	jpeg->scaled_h = TJSCALED(jpeg->height, scale);
	struct image image = {.width = (size_t)jpeg->scaled_w,
	                      .height = (size_t)jpeg->scaled_h,
	                      .channels = wish->channels ? wish->channels : jpeg->colours == TJCS_GRAY ? 1 : 3};
	status = image_check_size((size_t)jpeg->width, (size_t)jpeg->height, wish->max_pixels, err);
	if (status == OK)
		status = decoder_reserve(decoder, image.width * image.height * image.channels, err);
	if (status != OK)
		return err_wrap(err, "%s", jpeg->name);
	image.pixels = decoder->pixels;
	if (jpeg->colours == TJCS_CMYK || jpeg->colours == TJCS_YCCK)
		status = jpeg_cmyk(jpeg, &image, err);
	else
		status = jpeg_samples(jpeg, image.pixels, image.channels == 1 ? TJPF_GRAY : TJPF_RGB, err);
	if (status == OK)
		*out = image;
	return status;
}

int image_encode_jpeg(const struct image *image, int quality, uint8_t **out, size_t *size, struct err *err)
{
	tjhandle handle = tjInitCompress();
	if (!handle)
		return err_set(err, ERR_MEMORY, "out of memory for a JPEG encoder");
	bool grey = image->channels == 1;
	unsigned char *packed = NULL;
	unsigned long packed_size = 0;
	int status = OK;
	if (tjCompress2(handle, image->pixels, (int)image->width, 0, (int)image->height, grey ? TJPF_GRAY : TJPF_RGB,
	                &packed, &packed_size, grey ? TJSAMP_GRAY : TJSAMP_420, quality, 0) != 0)
		status = err_set(err, ERR_DATA, "a picture of %zu × %zu cannot become a JPEG: %s", image->width, image->height,
		                 tjGetErrorStr2(handle));
	uint8_t *copy = status == OK ? mem_alloc(packed_size, 1, err) : NULL;
	if (copy) {
		memcpy(copy, packed, packed_size);
		*out = copy;
		*size = packed_size;
	} else if (status == OK) {
		status = err->code;
	}
	tjFree(packed);
	tjDestroy(handle);
	return status;
}

/* ---- any picture ------------------------------------------------------------------------------ */

static bool is_text(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && i < 64; i++) {
		if (!isprint(bytes[i]) && !isspace(bytes[i]) && bytes[i] < 128)
			return false;
	}
	return true;
}

static int refuse_unknown(const uint8_t *bytes, size_t size, const char *name, struct err *err)
{
	static const struct {
		const char *magic, *kind;
	} known[] = {{"GIF8", "a GIF"},    {"BM", "a BMP"},   {"RIFF", "a WebP or RIFF file"},
	             {"II*", "a TIFF"},    {"MM", "a TIFF"},  {"PK\3\4", "a zip"},
	             {"\x1f\x8b", "gzip"}, {"%PDF", "a PDF"}, {"\x89HDF", "an HDF5 file"}};
	const char *kind = is_text(bytes, size) ? "text" : "something else";
	if (size == 0)
		return err_set(err, ERR_DATA, "%s: is empty", name);
	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		size_t length = strlen(known[i].magic);
		if (size >= length && memcmp(bytes, known[i].magic, length) == 0)
			kind = known[i].kind;
	}
	return err_set(err, ERR_DATA, "%s: is neither JPEG nor PNG, but %s", name, kind);
}

static bool is_jpeg(const void *bytes, size_t size)
{
	static const uint8_t jpeg[3] = {0xFF, 0xD8, 0xFF};
	return size >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0;
}

static bool is_png(const void *bytes, size_t size)
{
	static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	return size >= sizeof png && memcmp(bytes, png, sizeof png) == 0;
}

static size_t big_endian(const uint8_t *bytes)
{
	return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

int image_decoder_head(struct image_decoder *decoder, const struct image_source *source, struct image_head *out,
                       struct err *err)
{
	const uint8_t *bytes = source->bytes;
	if (is_jpeg(bytes, source->size)) {
		struct jpeg_source jpeg = {.handle = decoder->jpeg, .bytes = bytes, .size = source->size, .name = source->name};
		int status =
		    decoder->jpeg ? jpeg_head(&jpeg, err) : err_set(err, ERR_MEMORY, "out of memory for a JPEG decoder");
		decoder->head = status == OK ? jpeg : (struct jpeg_source){0};
		*out = (struct image_head){.width = (size_t)jpeg.width, .height = (size_t)jpeg.height, .jpeg = true};
		return renew_after_failure(decoder, status, err);
	}
	if (!is_png(bytes, source->size))
		return refuse_unknown(bytes, source->size, source->name, err);
	if (source->size < 24)
		return err_set(err, ERR_DATA, "%s: truncated PNG (no header)", source->name);
	*out = (struct image_head){.width = big_endian(bytes + 16), .height = big_endian(bytes + 20)};
	return OK;
}

int image_decoder_read(struct image_decoder *decoder, const struct image_source *source, const struct image_wish *wish,
                       struct image *out, struct err *err)
{
	if (wish->channels != 0 && wish->channels != 1 && wish->channels != 3)
		return err_set(err, ERR_DATA, "%s: asked for %zu channels; 0, 1 or 3 can be given", source->name,
		               wish->channels);
	if (is_jpeg(source->bytes, source->size)) {
		struct jpeg_source jpeg = {
		    .handle = decoder->jpeg, .bytes = source->bytes, .size = source->size, .name = source->name};
		if (!decoder->jpeg)
			return err_set(err, ERR_MEMORY, "out of memory for a JPEG decoder");
		return renew_after_failure(decoder, jpeg_decode(decoder, &jpeg, wish, out, err), err);
	}
	struct image_head head = {0};
	struct image image = {0};
	int status = image_decoder_head(decoder, source, &head, err);
	if (status == OK && image_check_size(head.width, head.height, wish->max_pixels, err) != OK)
		status = err_wrap(err, "%s", source->name);
	if (status == OK)
		status = png_decode(&image, source->bytes, source->size, wish->channels, source->name, err);
	if (status != OK)
		return status;
	free(decoder->pixels);
	decoder->pixels = image.pixels;
	decoder->capacity = image.width * image.height * image.channels;
	*out = image;
	return OK;
}

int image_decode(struct image *out, const void *bytes, size_t size, size_t channels, const char *name, struct err *err)
{
	struct image_decoder *decoder = NULL;
	struct image_source source = {.bytes = bytes, .size = size, .name = name};
	struct image_wish wish = {.channels = channels};
	int status = image_decoder_new(&decoder, err);
	if (status != OK)
		return err_wrap(err, "%s", name);
	status = image_decoder_read(decoder, &source, &wish, out, err);
	if (status == OK) /* the caller owns the pixels now */
		decoder->pixels = NULL;
	image_decoder_free(decoder);
	return status;
}

int image_load(struct image *out, const char *path, size_t channels, struct err *err)
{
	char *bytes = NULL;
	size_t size = 0;
	int status = file_read(path, (size_t)512 << 20, &bytes, &size, err);
	if (status != OK)
		return status;
	status = image_decode(out, bytes, size, channels, path, err);
	free(bytes);
	return status;
}

int image_save_png(const struct image *image, const char *path, struct err *err)
{
	uint8_t *bytes = NULL;
	size_t size = 0;
	int status = image_encode_png(image, &bytes, &size, err);
	if (status != OK)
		return err_wrap(err, "%s", path);
	status = file_write(path, bytes, size, err);
	free(bytes);
	return status;
}
