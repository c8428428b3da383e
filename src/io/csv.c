#include "io/io.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/*
 * libcsv does not count lines, so it is fed a line at a time: a line that ends no record lies inside a quoted field,
 * and the record keeps the number of the line it began on.
 */
#define MAX_RECORD ((size_t)64 << 20)

struct csv_reader {
	struct csv_parser parser;
	csv_row *row;
	void *context;
	const char *name;
	struct strbuf text; /* the fields of the record so far, each with its NUL */
	size_t *starts, count, capacity;
	char **fields;
	size_t field_capacity;
	size_t line, record_line;
	bool open; /* inside a record that the last line did not end */
	int status;
	struct err *err;
};

static int not_space(unsigned char byte)
{
	(void)byte;
	return 0;
}

static void csv_fail(struct csv_reader *reader, int code)
{
	if (reader->status == OK)
		reader->status = code;
}

static void csv_field(void *bytes, size_t size, void *context)
{
	struct csv_reader *reader = context;
	if (reader->status != OK)
		return;
	size_t *starts = mem_grow(reader->starts, &reader->capacity, reader->count + 1, sizeof *starts, reader->err);
	if (!starts) {
		csv_fail(reader, reader->err->code);
		return;
	}
	reader->starts = starts;
	reader->starts[reader->count++] = reader->text.length;
	if (size > 0 && memchr(bytes, '\0', size))
		csv_fail(reader, err_set(reader->err, ERR_DATA, "%s:%zu: field %zu holds a NUL byte", reader->name,
		                         reader->record_line, reader->count));
	strbuf_add_bytes(&reader->text, size > 0 ? bytes : "", size);
	strbuf_add_bytes(&reader->text, "", 1);
	if (reader->status == OK)
		csv_fail(reader, strbuf_check(&reader->text, reader->err));
}

/* Length of the well-formed UTF-8 sequence at `s` (RFC 3629), 0 when there is none. */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t length;
	} forms[] = {{0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
	             {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
	             {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (forms[i].length > 1 && (s[1] < forms[i].low || s[1] > forms[i].high))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++) {
			if ((s[k] & 0xC0) != 0x80)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

static bool is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	while (*s) {
		size_t length = utf8_length(s);
		if (length == 0)
			return false;
		s += length;
	}
	return true;
}

static int csv_deliver(struct csv_reader *reader)
{
	char **fields = mem_grow(reader->fields, &reader->field_capacity, reader->count, sizeof *fields, reader->err);
	if (!fields)
		return reader->err->code;
	reader->fields = fields;
	for (size_t i = 0; i < reader->count; i++) {
		fields[i] = reader->text.text + reader->starts[i];
		if (!is_utf8(fields[i]))
			return err_set(reader->err, ERR_DATA, "%s:%zu: field %zu is not UTF-8; save the file as UTF-8",
			               reader->name, reader->record_line, i + 1);
	}
	return reader->row(fields, reader->count, reader->record_line, reader->context, reader->err);
}

static void csv_record(int end, void *context)
{
	struct csv_reader *reader = context;
	(void)end;
	if (reader->status == OK)
		csv_fail(reader, csv_deliver(reader));
	reader->count = 0;
	reader->text.length = 0;
	reader->open = false;
}

static int csv_line(struct csv_reader *reader, const char *line, size_t size)
{
	reader->line++;
	if (!reader->open)
		reader->record_line = reader->line;
	bool blank = size == 0 || line[0] == '\n' || (line[0] == '\r' && (size == 1 || line[1] == '\n'));
	reader->open = reader->open || !blank;
	size_t taken = csv_parse(&reader->parser, line, size, csv_field, csv_record, reader);
	if (reader->status == OK && taken != size) {
		int code = csv_error(&reader->parser);
		csv_fail(reader, code == CSV_ENOMEM || code == CSV_ETOOBIG
		                     ? err_set(reader->err, ERR_MEMORY, "%s:%zu: out of memory", reader->name, reader->line)
		                     : err_set(reader->err, ERR_DATA,
		                               "%s:%zu: a quote stands where none may; double it and quote the whole field",
		                               reader->name, reader->line));
	}
	return reader->status;
}

static int csv_begin(struct csv_reader *reader)
{
	if (csv_init(&reader->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
		return err_set(reader->err, ERR_MEMORY, "%s: out of memory for a CSV reader", reader->name);
	csv_set_space_func(&reader->parser, not_space);
	return OK;
}

static int csv_end(struct csv_reader *reader)
{
	if (reader->status == OK && csv_fini(&reader->parser, csv_field, csv_record, reader) != 0)
		csv_fail(reader, err_set(reader->err, ERR_DATA, "%s:%zu: cut off inside a quoted field", reader->name,
		                         reader->record_line));
	csv_free(&reader->parser);
	strbuf_free(&reader->text);
	free(reader->starts);
	free(reader->fields);
	return reader->status;
}

/* Takes what is at hand: whole lines, and the rest when `last`. Returns how much was used. */
static size_t csv_feed(struct csv_reader *reader, const char *bytes, size_t size, bool last)
{
	size_t used = 0;
	while (used < size && reader->status == OK) {
		const char *line = bytes + used;
		const char *end = memchr(line, '\n', size - used);
		if (!end && !last)
			break;
		size_t length = end ? (size_t)(end - line) + 1 : size - used;
		csv_line(reader, line, length);
		used += length;
	}
	return used;
}

/* Bytes of a byte order mark, or ERR_DATA for those of UTF-16. */
static int csv_mark(const struct csv_reader *reader, const char *bytes, size_t size, size_t *mark)
{
	if (size >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0))
		return err_set(reader->err, ERR_DATA, "%s: is UTF-16; save it as UTF-8", reader->name);
	*mark = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	return OK;
}

int csv_read_bytes(const void *bytes, size_t size, const char *name, csv_row *row, void *context, struct err *err)
{
	struct csv_reader reader = {.row = row, .context = context, .name = name, .err = err};
	int status = csv_begin(&reader);
	if (status != OK)
		return status;
	size_t mark = 0;
	reader.status = csv_mark(&reader, bytes, size, &mark);
	if (reader.status == OK)
		csv_feed(&reader, (const char *)bytes + mark, size - mark, true);
	return csv_end(&reader);
}

struct csv_window {
	char *bytes;
	size_t used, capacity;
};

static int window_fill(struct csv_reader *reader, gzFile file, struct csv_window *window, bool *last)
{
	if (window->used > MAX_RECORD)
		return err_set(reader->err, ERR_DATA, "%s:%zu: a line of more than %zu bytes", reader->name, reader->line + 1,
		               MAX_RECORD);
	char *grown = mem_grow(window->bytes, &window->capacity, window->used + (1 << 16), 1, reader->err);
	if (!grown)
		return reader->err->code;
	window->bytes = grown;
	int got = gzread(file, grown + window->used, 1 << 16);
	int code = Z_OK;
	const char *text = gzerror(file, &code);
	if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
		return code == Z_BUF_ERROR ? err_set(reader->err, ERR_DATA, "%s: cut off (gzip)", reader->name)
		                           : err_set(reader->err, ERR_DATA, "%s: damaged gzip (%s)", reader->name, text);
	window->used += (size_t)got;
	*last = got == 0;
	return OK;
}

static int csv_read_stream(struct csv_reader *reader, gzFile file)
{
	struct csv_window window = {0};
	bool last = false, first = true;
	int status = OK;
	while (status == OK && !last) {
		status = window_fill(reader, file, &window, &last);
		if (status == OK)
			status = stop_check("reading a CSV file", reader->err);
		size_t taken = 0;
		if (status == OK && first)
			status = csv_mark(reader, window.bytes, window.used, &taken);
		first = false;
		if (status != OK)
			break;
		taken += csv_feed(reader, window.bytes + taken, window.used - taken, last);
		memmove(window.bytes, window.bytes + taken, window.used - taken);
		window.used -= taken;
		status = reader->status;
	}
	free(window.bytes);
	return status;
}

int csv_read(const char *path, csv_row *row, void *context, struct err *err)
{
	if (path_is_folder(path))
		return err_set(err, ERR_IO, "%s: is a folder, not a CSV file", path);
	gzFile file = gzopen(path, "rb");
	if (!file)
		return err_errno(err, "%s: cannot be read", path);
	struct csv_reader reader = {.row = row, .context = context, .name = path, .err = err};
	int status = csv_begin(&reader);
	if (status == OK) {
		reader.status = csv_read_stream(&reader, file);
		status = csv_end(&reader);
	}
	gzclose(file);
	return status;
}
