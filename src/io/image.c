#include "io/io.h"
#include "io/image_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define MAX_PIXELS ((size_t)100 * 1000 * 1000)

int image_new(struct image *out, size_t width, size_t height, size_t channels, struct err *err)
{
	if (width == 0 || height == 0 || width > MAX_PIXELS || height > MAX_PIXELS / width)
		return err_set(err, ERR_DATA, "a picture of %zu × %zu pixels is not allowed (1 to %zu megapixels)", width,
		               height, MAX_PIXELS / 1000000);
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

/* ---- JPEG ------------------------------------------------------------------------------- */

static bool jpeg_has_end(const uint8_t *bytes, size_t size)
{
	while (size > 2 && bytes[size - 1] == 0)
		size--;
	return size > 2 && bytes[size - 2] == 0xFF && bytes[size - 1] == 0xD9;
}

struct jpeg_source {
	tjhandle handle;
	const uint8_t *bytes;
	size_t size;
	const char *name;
	int width, height, subsampling, colours;
};

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
	int failed = tjDecompress2(jpeg->handle, jpeg->bytes, jpeg->size, samples, jpeg->width, 0, jpeg->height, format, 0);
	return jpeg_check(jpeg, failed, err);
}

static int jpeg_cmyk(const struct jpeg_source *jpeg, struct image *image, struct err *err)
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

static int jpeg_decode_with(struct jpeg_source *jpeg, struct image *out, size_t channels, struct err *err)
{
	int failed = tjDecompressHeader3(jpeg->handle, jpeg->bytes, jpeg->size, &jpeg->width, &jpeg->height,
	                                 &jpeg->subsampling, &jpeg->colours);
	int status = jpeg_check(jpeg, failed, err);
	if (status != OK)
		return status;
	if (channels == 0)
		channels = jpeg->colours == TJCS_GRAY ? 1 : 3;
	struct image image = {0};
	status = image_new(&image, (size_t)jpeg->width, (size_t)jpeg->height, channels, err);
	if (status != OK)
		return err_wrap(err, "%s", jpeg->name);
	if (jpeg->colours == TJCS_CMYK || jpeg->colours == TJCS_YCCK)
		status = jpeg_cmyk(jpeg, &image, err);
	else
		status = jpeg_samples(jpeg, image.pixels, channels == 1 ? TJPF_GRAY : TJPF_RGB, err);
	if (status == OK)
		*out = image;
	else
		image_free(&image);
	return status;
}

static int jpeg_decode(struct image *out, const void *bytes, size_t size, size_t channels, const char *name,
                       struct err *err)
{
	struct jpeg_source jpeg = {.handle = tjInitDecompress(), .bytes = bytes, .size = size, .name = name};
	if (!jpeg.handle)
		return err_set(err, ERR_MEMORY, "%s: out of memory for a JPEG decoder", name);
	int status = jpeg_decode_with(&jpeg, out, channels, err);
	tjDestroy(jpeg.handle);
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

int image_decode(struct image *out, const void *bytes, size_t size, size_t channels, const char *name, struct err *err)
{
	static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	static const uint8_t jpeg[3] = {0xFF, 0xD8, 0xFF};
	if (channels != 0 && channels != 1 && channels != 3)
		return err_set(err, ERR_DATA, "%s: asked for %zu channels; 0, 1 or 3 can be given", name, channels);
	if (size >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
		return jpeg_decode(out, bytes, size, channels, name, err);
	if (size >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
		return png_decode(out, bytes, size, channels, name, err);
	return refuse_unknown(bytes, size, name, err);
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
