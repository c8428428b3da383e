/*
 * io: foreign formats, read strictly and written whole or not at all.
 *
 * The only place that includes a file-format library: libarchive (archive.c), TurboJPEG and libpng (image.c), HDF5
 * (hdf*.c), libcsv (csv.c), jansson (json_parse.c), zlib (json_stream.c, npz.c, archive_*.c, hdf_pack.c), cairo and
 * pango (canvas.c). Each of these has object files of its own, so a program that never calls into archive.c or hdf.c
 * does not link their libraries. Depends on: base. Knows nothing of faces, songs or networks.
 *
 * Writers create PATH.part and rename on commit. Readers refuse with ERR_DATA naming file and
 * place; a missing or unreadable file is ERR_IO.
 */
#ifndef MOODCAST_IO_H
#define MOODCAST_IO_H

#include "base/base.h"

/* "HDF5 1.10.8, libarchive 3.6.2, …": the libraries that this one stands on. */
void io_libraries(struct strbuf *out);

/* ---- images -------------------------------------------------------------------------- */

/* 8-bit samples, [height][width][channels], channels 1 (grey) or 3 (RGB), no padding. */
struct image {
	size_t width, height, channels;
	uint8_t *pixels;
};
int image_new(struct image *out, size_t width, size_t height, size_t channels, struct err *err) MUST_CHECK;
void image_free(struct image *image); /* leaves it zeroed */
/* JPEG (default libjpeg-turbo decoding, equal to PIL's) or PNG by their first bytes, from memory.
 * channels 1, 3, or 0 = as stored (grey stays grey). `name` is for messages. EXIF orientation is not
 * applied. Pictures above 100 megapixels, truncated or other files: ERR_DATA. 16-bit PNG → 8 bit,
 * alpha dropped over black, palette expanded; CMYK JPEG converted. */
int image_decode(struct image *out, const void *bytes, size_t size, size_t channels, const char *name,
                 struct err *err) MUST_CHECK;
/* The same with a codec and memory that stay from picture to picture; one decoder serves one thread. */
struct image_decoder;
struct image_source {
	const void *bytes;
	size_t size;
	const char *name; /* for messages */
};
struct image_head {
	size_t width, height;
	bool jpeg;
};
struct image_wish {
	size_t channels;   /* as for image_decode */
	size_t max_pixels; /* refused by the header, before decoding; 0 = 100 megapixels */
	/* JPEG only: 2, 4 or 8 decode at ⌈size / shrink⌉, sample k covering [k·shrink, (k + 1)·shrink) */
	size_t shrink;
};
int image_decoder_new(struct image_decoder **out, struct err *err) MUST_CHECK;
void image_decoder_free(struct image_decoder *decoder); /* NULL is fine */
/* Size by the first bytes alone. When these very bytes are read next, their head is not parsed again: they must not
 * change in between. */
int image_decoder_head(struct image_decoder *decoder, const struct image_source *source, struct image_head *out,
                       struct err *err) MUST_CHECK;
/* *out borrows the decoder's memory until its next call. */
int image_decoder_read(struct image_decoder *decoder, const struct image_source *source, const struct image_wish *wish,
                       struct image *out, struct err *err) MUST_CHECK;
/* Gives back a picture of more than `most` bytes. */
void image_decoder_trim(struct image_decoder *decoder, size_t most);
int image_load(struct image *out, const char *path, size_t channels, struct err *err) MUST_CHECK;
/* Bytes of a JPEG (quality 1–100) or PNG; freed by the caller. */
int image_encode_jpeg(const struct image *image, int quality, uint8_t **out, size_t *size, struct err *err) MUST_CHECK;
int image_encode_png(const struct image *image, uint8_t **out, size_t *size, struct err *err) MUST_CHECK;
int image_save_png(const struct image *image, const char *path, struct err *err) MUST_CHECK;

/* ---- canvas: vector drawing and text over an image (cairo, pango) ------------------------- */

struct canvas;
struct colour { double r, g, b, a; }; /* 0..1 */
int canvas_new(struct canvas **out, size_t width, size_t height, struct err *err) MUST_CHECK;
int canvas_from_image(struct canvas **out, const struct image *image, struct err *err) MUST_CHECK;
void canvas_free(struct canvas *canvas);
int canvas_to_image(const struct canvas *canvas, struct image *out, struct err *err) MUST_CHECK; /* RGB */
/* A closed or open path of cubic Béziers; coordinates in pixels. */
void canvas_move(struct canvas *canvas, double x, double y);
void canvas_line(struct canvas *canvas, double x, double y);
void canvas_curve(struct canvas *canvas, double x1, double y1, double x2, double y2, double x, double y);
void canvas_close(struct canvas *canvas);
void canvas_ellipse(struct canvas *canvas, double x, double y, double radius_x, double radius_y, double turn);
void canvas_rectangle(struct canvas *canvas, double x, double y, double width, double height);
void canvas_fill(struct canvas *canvas, struct colour colour); /* fills and forgets the path */
/* Fills with a linear gradient from (x0,y0) to (x1,y1). */
void canvas_fill_gradient(struct canvas *canvas, double x0, double y0, struct colour from, double x1, double y1,
                          struct colour to);
void canvas_stroke(struct canvas *canvas, double width, struct colour colour);
/* A line of text with its top left corner at (x, y), in a font that has Hangul. */
void canvas_text(struct canvas *canvas, double x, double y, double size_px, struct colour colour, const char *text);
/* How wide canvas_text would draw it, in pixels. */
double canvas_text_width(struct canvas *canvas, double size_px, const char *text);
/* Transform stack: translate by (x, y), turn by `turn` radians, scale by (sx, sy). */
void canvas_push(struct canvas *canvas, double x, double y, double turn, double scale_x, double scale_y);
void canvas_pop(struct canvas *canvas);

/* ---- archives and folders --------------------------------------------------------------- */

/* Walks every plain member of an archive (zip, tar, tar.gz, tar.zst, 7z), of the archives inside it
 * (at most three deep, streamed, no temporary file), of a folder, or one plain file, in stored
 * (folders: sorted) order. */
struct member {
	const char *path;    /* below the walked root: "19071641.zip/S001/L1/E01/C7.jpg", UTF-8 */
	const void *bytes;   /* the content when the walk asked for it; valid during the call */
	size_t size, full;   /* of bytes; of the content: the same unless it is still packed */
	bool packed, has_crc; /* only in a walk of packed members */
	uint32_t crc;
};
/* `wanted` (may be NULL = all) decides on the path before a byte is read; members it refuses are not delivered. In a
 * zip on disk, and in a zip stored inside one, they are not even unpacked. `deliver` returns OK to go on; any other
 * code stops the walk and is returned. Names that are not UTF-8 are read as CP949. */
struct member_walk {
	bool (*wanted)(const char *path, void *context);
	int (*deliver)(const struct member *member, void *context, struct err *err);
	/* Whether an archive among the members is looked into; NULL = all are. */
	bool (*enters)(const char *path, void *context);
	/* A member that cannot be read (cut off, CRC, too large, unsafe name: "..", absolute, link); may be NULL. */
	void (*skipped)(const char *path, const char *reason, void *context);
	void *context;
	size_t max_member;   /* bytes of one member; 0 = 256 MiB */
	double max_ratio;    /* times its packed size that a member, and all of them together, may take; 0 = any */
	uint64_t max_total;  /* bytes of all unpacked members; 0 = any */
	const char *limits;  /* how the message about the last two names them; may be NULL */
	bool packed;         /* members may be delivered as they lie in the archive: the caller calls member_unpack */
};
/* Finishes a member of such a walk, or a copy of it: unpacks and checks it. `bytes` then points into the unpacker,
 * which serves one thread. ERR_DATA: damaged. */
struct unpacker;
int unpacker_new(struct unpacker **out, struct err *err) MUST_CHECK;
void unpacker_free(struct unpacker *unpacker); /* NULL is fine */
int member_unpack(struct unpacker *unpacker, struct member *member, struct err *err) MUST_CHECK;
/* ERR_IO: not there. ERR_DATA: the outer archive is cut off or no archive (members delivered so far stand). */
int members_walk(const char *path, const struct member_walk *walk, struct err *err) MUST_CHECK;

/* Writes a zip whose bytes depend on nothing but its members: fixed times, stored or deflated. */
struct zip_writer;
int zip_create(struct zip_writer **out, const char *path, struct err *err) MUST_CHECK;
/* A zip in memory, to be put into another: zip_finish_memory gives its bytes. */
int zip_create_memory(struct zip_writer **out, struct err *err) MUST_CHECK;
int zip_add(struct zip_writer *zip, const char *name, const void *bytes, size_t size, bool deflate,
            struct err *err) MUST_CHECK;
int zip_finish(struct zip_writer *zip, struct err *err) MUST_CHECK; /* commits; frees whatever the result */
int zip_finish_memory(struct zip_writer *zip, uint8_t **out, size_t *size, struct err *err) MUST_CHECK; /* frees too */
void zip_discard(struct zip_writer *zip); /* NULL is fine */

/* ---- CSV ------------------------------------------------------------------------------------ */

/* RFC 4180 by libcsv, UTF-8 with or without BOM, LF or CRLF; gzip (*.gz) is read through. `row` gets the fields of one
 * record (NUL-terminated) and its 1-based line; the header row is delivered as any other. */
typedef int csv_row(char *const *fields, size_t count, size_t line, void *context, struct err *err);
int csv_read(const char *path, csv_row *row, void *context, struct err *err) MUST_CHECK;
/* The same from memory; `name` for messages. (libcsv itself owns the name csv_parse.) */
int csv_read_bytes(const void *bytes, size_t size, const char *name, csv_row *row, void *context,
                   struct err *err) MUST_CHECK;

/* ---- JSON -------------------------------------------------------------------------------------- */

/* jansson has functions of these names with other types: ours need symbols of their own in a program that holds
 * both. */
#define json_load_file moodcast_json_load_file
#define json_integer_value moodcast_json_integer_value

/* A value of a document; owned by its document's root unless said otherwise. Keys keep their order. */
struct json;
enum json_kind { JSON_KIND_NULL, JSON_KIND_BOOL, JSON_KIND_NUMBER, JSON_KIND_TEXT, JSON_KIND_ARRAY, JSON_KIND_OBJECT };
/* ≤ 256 MiB. A repeated key and an integer beyond 64 bits are ERR_DATA. */
int json_load_file(struct json **out, const char *path, struct err *err) MUST_CHECK;
int json_load_text(struct json **out, const char *text, size_t size, const char *name, struct err *err) MUST_CHECK;
void json_free(struct json *root);
enum json_kind json_kind(const struct json *value); /* NULL pointer = JSON_KIND_NULL */
/* NULL when absent or not of that kind. */
struct json *json_get(const struct json *object, const char *key);
struct json *json_at(const struct json *array, size_t i);
size_t json_count(const struct json *array_or_object);
const char *json_key(const struct json *object, size_t i); /* i-th key, in order of insertion */
const char *json_text(const struct json *value, const char *otherwise);
double json_number(const struct json *value, double otherwise);
bool json_is_integer(const struct json *value);
int64_t json_integer_value(const struct json *value, int64_t otherwise);
bool json_bool(const struct json *value, bool otherwise);
/* Building. A failed set is remembered in the root and reported by json_save/json_print. `value` given to json_set and
 * json_append is taken over. Numbers that are not finite become null. */
struct json *json_object_new(void); /* NULL only without memory; every call below takes NULL and does nothing */
struct json *json_array_new(void);
void json_set(struct json *object, const char *key, struct json *value);
struct json *json_set_object(struct json *object, const char *key); /* a new object there, borrowed */
struct json *json_set_array(struct json *object, const char *key);
void json_set_text(struct json *object, const char *key, const char *text);
void json_set_number(struct json *object, const char *key, double number);
void json_set_integer(struct json *object, const char *key, int64_t number);
void json_set_bool(struct json *object, const char *key, bool truth);
void json_append(struct json *array, struct json *value);
struct json *json_append_object(struct json *array);
struct json *json_append_array(struct json *array);
void json_append_text(struct json *array, const char *text);
void json_append_number(struct json *array, double number);
void json_append_integer(struct json *array, int64_t number);
/* Text of a value, freed by the caller; indent 0 = one line without blanks. Reals with 9 significant digits. Bytes that
 * are not UTF-8 come out as U+FFFD. */
int json_print(const struct json *value, int indent, char **out, struct err *err) MUST_CHECK;
int json_save(const struct json *value, const char *path, struct err *err) MUST_CHECK; /* indented, atomic */
/* Calls `element` for each element of the top-level array of a file, one in memory at a time; *.gz is read through. The
 * element is freed after the call. Messages carry file, element number (from 1) and line; `index` counts from 0. A
 * failure of the callback is wrapped in the same place and returned. An array that does not end is ERR_DATA (elements
 * delivered so far stand). Foreign data is taken as it comes: of a repeated key the last value counts, a text with
 * \u0000 reads as null, an integer beyond 64 bits as a real. */
typedef int json_element(const struct json *element, size_t index, void *context, struct err *err);
int json_stream(const char *path, json_element *element, void *context, struct err *err) MUST_CHECK;

/* ---- HDF5 ---------------------------------------------------------------------------------------- */

enum hdf_type { HDF_U8, HDF_I32, HDF_I64, HDF_F32, HDF_F16, HDF_F64 };
#define HDF_MAX_RANK 6
struct hdf_shape {
	enum hdf_type type; /* as stored; F16 is given to and taken from memory as float32 */
	size_t rank, dims[HDF_MAX_RANK];
};
struct hdf_file;
/* Library error printing is off; its messages are folded into *err. */
int hdf_create(struct hdf_file **out, const char *path, struct err *err) MUST_CHECK; /* PATH.part */
int hdf_open(struct hdf_file **out, const char *path, struct err *err) MUST_CHECK;   /* read only */
/* Closes a created file, syncs and renames it. Frees whatever the result. */
int hdf_commit(struct hdf_file *file, struct err *err) MUST_CHECK;
void hdf_close(struct hdf_file *file); /* readers, and giving up: a created PATH.part goes */
bool hdf_has(const struct hdf_file *file, const char *name);
int hdf_shape(const struct hdf_file *file, const char *name, struct hdf_shape *out, struct err *err) MUST_CHECK;
/* Whole data set at once. `compress` 0–9: shuffle + deflate when > 0, in chunks of one row (of 65,536 elements where
 * rank is 1). */
int hdf_write(struct hdf_file *file, const char *name, const struct hdf_shape *shape, const void *data, int compress,
              struct err *err) MUST_CHECK;
/* An empty data set that grows by its first dimension; chunk_rows rows a chunk. dims[0] of shape = initial rows. */
int hdf_create_rows(struct hdf_file *file, const char *name, const struct hdf_shape *shape, size_t chunk_rows,
                    int compress, struct err *err) MUST_CHECK;
/* Writes rows first … first+count−1, growing the data set where needed. */
int hdf_write_rows(struct hdf_file *file, const char *name, size_t first, size_t count, const void *data,
                   struct err *err) MUST_CHECK;
/* Reads `count` rows (of dimension 0) as `type`, converted. `data` holds count × the other dims. */
int hdf_read_rows(const struct hdf_file *file, const char *name, enum hdf_type type, size_t first, size_t count,
                  void *data, struct err *err) MUST_CHECK;
/* The whole data set as `type` into memory of its own; *shape may be NULL. Refuses above `max_elements`. */
int hdf_read(const struct hdf_file *file, const char *name, enum hdf_type type, size_t max_elements, void **out,
             struct hdf_shape *shape, struct err *err) MUST_CHECK;
/* A file whose rows were appended to PATH.part from byte HDF_HEAD on, each as its chunk is stored, before the library
 * saw it: the data set `name` of shape.dims[0] rows, a chunk each, is made around them, and the rest of the file behind
 * them. A writer that was killed can so go on from any row it knows of. */
#define HDF_HEAD 4096
struct hdf_rows {
	const char *name;
	struct hdf_shape shape;
	int compress;          /* 0: rows as they are; else as hdf_pack gives them */
	const uint64_t *sizes; /* bytes of each row as stored */
};
int hdf_create_around(struct hdf_file **out, const char *path, const struct hdf_rows *rows, struct err *err) MUST_CHECK;
/* A data set whose rows are those of data sets of the same name and shape in other files of the same folder, one behind
 * the other. It may be read as any other; a part that is missing or has another shape is ERR_DATA. */
struct hdf_part {
	const char *file; /* its name without the folder */
	size_t rows;      /* at least 1 */
};
int hdf_create_joined(struct hdf_file *file, const char *name, const struct hdf_shape *shape,
                      const struct hdf_part *parts, size_t count, struct err *err) MUST_CHECK;
struct hdf_packer;
int hdf_packer_new(struct hdf_packer **out, int level, struct err *err) MUST_CHECK;
void hdf_packer_free(struct hdf_packer *packer); /* NULL is fine */
/* A row of bytes (u8) as the filters of such a data set store it; *out lies in the packer until its next call. */
int hdf_pack(struct hdf_packer *packer, const void *row, size_t size, const uint8_t **out, size_t *out_size,
             struct err *err) MUST_CHECK;
/* Strings: written fixed-length, NUL-padded UTF-8; read from fixed-length or variable-length ones. */
int hdf_write_texts(struct hdf_file *file, const char *name, char *const *texts, size_t count,
                    struct err *err) MUST_CHECK;
/* Readers of texts and tables take a zeroed list; it stays zeroed on failure. */
int hdf_read_texts(const struct hdf_file *file, const char *name, struct path_list *out, struct err *err) MUST_CHECK;
/* A table of strings of any length: NAME/bytes (u8) and NAME/offsets (i64, count + 1). */
int hdf_write_table(struct hdf_file *file, const char *name, char *const *texts, size_t count,
                    struct err *err) MUST_CHECK;
int hdf_read_table(const struct hdf_file *file, const char *name, struct path_list *out, struct err *err) MUST_CHECK;
/* Groups and attributes. object "/" = root. hdf_group makes the parents too. */
int hdf_group(struct hdf_file *file, const char *name, struct err *err) MUST_CHECK;
int hdf_attr_set_text(struct hdf_file *file, const char *object, const char *name, const char *text,
                      struct err *err) MUST_CHECK;
int hdf_attr_set_texts(struct hdf_file *file, const char *object, const char *name, char *const *texts, size_t count,
                       /* an array of fixed-length strings; split as Keras does above 64,512 bytes */
                       struct err *err) MUST_CHECK;
int hdf_attr_set_number(struct hdf_file *file, const char *object, const char *name, double number,
                        struct err *err) MUST_CHECK;
bool hdf_attr_has(const struct hdf_file *file, const char *object, const char *name);
int hdf_attr_text(const struct hdf_file *file, const char *object, const char *name, char **out,
                  struct err *err) MUST_CHECK;
/* Keras' name lists: fixed or variable length, ASCII or UTF-8, empty float64 = none, split lists joined. */
int hdf_attr_texts(const struct hdf_file *file, const char *object, const char *name, struct path_list *out,
                   struct err *err) MUST_CHECK;
int hdf_attr_number(const struct hdf_file *file, const char *object, const char *name, double *out,
                    struct err *err) MUST_CHECK;

/* ---- NumPy and SciPy ---------------------------------------------------------------------------------- */

enum npy_type { NPY_F32, NPY_F64, NPY_I32, NPY_I64, NPY_U8, NPY_BYTES, NPY_TEXT };
/* NPY_TEXT: NumPy's str, UCS-4 little endian, item = 4 × characters; written only. */
struct npy {
	enum npy_type type;
	size_t rank, dims[HDF_MAX_RANK], item; /* item: bytes of one element (NPY_BYTES: its length) */
	void *data; /* C order, little endian */
};
void npy_free(struct npy *array);
int npy_load(struct npy *out, const char *path, struct err *err) MUST_CHECK;
int npy_parse(struct npy *out, const void *bytes, size_t size, const char *name, struct err *err) MUST_CHECK;
int npy_save(const struct npy *array, const char *path, struct err *err) MUST_CHECK;
/* The bytes of a version 1 file (header padded to 64), freed by the caller. */
int npy_bytes(const struct npy *array, uint8_t **out, size_t *size, struct err *err) MUST_CHECK;
/* An uncompressed .npz: one stored zip member NAME.npy an array, times fixed at 1980-01-01, zip64 where needed. Written
 * without libarchive. */
struct npz_entry { const char *name; struct npy array; };
int npz_save(const char *path, const struct npz_entry *entries, size_t count, struct err *err) MUST_CHECK;
/* Loads one array of a stored or deflated .npz (offline stages only: uses libarchive, lives in archive.c). */
int npz_load(struct npy *out, const char *path, const char *name, struct err *err) MUST_CHECK;

/* ---- safetensors: mapped, not copied --------------------------------------------------------------------- */

struct tensor {
	const char *name;
	enum npy_type type; /* F32 → "F32", U8 → "U8", I32, I64 */
	size_t rank, dims[HDF_MAX_RANK];
	const void *data;
};
struct tensor_file;
/* The format allows no holes between tensors, so alignment comes from the order in which they are stored: first those
 * whose bytes are a multiple of 64 (each starts on 64 bytes, in the file and when mapped), then the rest by falling
 * size of their element (each starts on a multiple of it). metadata_pairs: name, value, name, value …; n_pairs
 * pairs. */
int tensors_save(const char *path, const struct tensor *tensors, size_t count, const char *const *metadata_pairs,
                 size_t n_pairs, struct err *err) MUST_CHECK;
int tensors_map(struct tensor_file **out, const char *path, struct err *err) MUST_CHECK;
void tensors_unmap(struct tensor_file *file);
size_t tensors_count(const struct tensor_file *file);
const struct tensor *tensors_at(const struct tensor_file *file, size_t i); /* in the order of their data */
/* A value of the file's metadata; NULL when absent. */
const char *tensors_metadata(const struct tensor_file *file, const char *name);
/* NULL when absent. Data stays valid until tensors_unmap. */
const struct tensor *tensors_find(const struct tensor_file *file, const char *name);
/* Checks type and dims (0 = any size) and gives the tensor or ERR_DATA naming file and tensor. */
int tensors_need(const struct tensor_file *file, const char *name, enum npy_type type, size_t rank, const size_t *dims,
                 const struct tensor **out, struct err *err) MUST_CHECK;

#endif
