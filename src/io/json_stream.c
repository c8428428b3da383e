/*
 * The elements of a big JSON array, one in memory at a time.
 *
 * A small scanner finds where an element ends (it only counts brackets outside texts) and jansson parses that stretch,
 * so memory follows the largest element and a parse error knows its place. zlib reads gzip and plain files alike.
 */
#include "io/io.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/json_internal.h"

#define BLOCK_BYTES ((size_t)1 << 18)
#define ELEMENT_LIMIT ((size_t)256 << 20)
#define END_OF_FILE (-1)

struct scanner {
	const char *path;
	gzFile file;
	char *block;
	size_t at, filled;
	size_t line;    /* of the next byte, from 1 */
	size_t element; /* from 1; 0 before the first */
	struct strbuf text;
	size_t depth;
	bool in_text, escaped;
};

static int refill(struct scanner *scanner, struct err *err)
{
	int got = gzread(scanner->file, scanner->block, (unsigned)BLOCK_BYTES);
	int code = Z_OK;
	const char *reason = gzerror(scanner->file, &code);
	scanner->at = 0;
	scanner->filled = got > 0 ? (size_t)got : 0;
	if (code == Z_ERRNO)
		return err_errno(err, "%s: reading failed", scanner->path);
	if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
		return err_set(err, ERR_DATA, "%s: the gzip stream is damaged or cut off (%s)", scanner->path, reason);
	return OK;
}

/* The next byte that is no white space, without taking it; END_OF_FILE at the end. */
static int peek(struct scanner *scanner, int *byte, struct err *err)
{
	for (;;) {
		if (scanner->at == scanner->filled) {
			int status = refill(scanner, err);
			if (status != OK)
				return status;
			if (scanner->filled == 0) {
				*byte = END_OF_FILE;
				return OK;
			}
		}
		char c = scanner->block[scanner->at];
		if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
			*byte = (unsigned char)c;
			return OK;
		}
		scanner->line += c == '\n';
		scanner->at++;
	}
}

/* Goes on inside an element up to its end (true; the byte behind it is not taken) or the block's end. */
static bool scan_block(struct scanner *scanner)
{
	for (; scanner->at < scanner->filled; scanner->at++) {
		char c = scanner->block[scanner->at];
		if (scanner->in_text) {
			if (scanner->escaped)
				scanner->escaped = false;
			else if (c == '\\')
				scanner->escaped = true;
			else if (c == '"')
				scanner->in_text = false;
		} else if (c == '"') {
			scanner->in_text = true;
		} else if (c == '{' || c == '[') {
			scanner->depth++;
		} else if (scanner->depth == 0 && (c == ',' || c == ']' || c == '}')) {
			return true;
		} else if (c == '}' || c == ']') {
			scanner->depth--;
		}
		scanner->line += c == '\n';
	}
	return false;
}

static int cut_off(const struct scanner *scanner, size_t first_line, struct err *err)
{
	return err_set(err, ERR_DATA, "%s: ends inside element %zu, which begins at line %zu; is the file complete?",
	               scanner->path, scanner->element, first_line);
}

static int read_element(struct scanner *scanner, struct err *err)
{
	size_t first_line = scanner->line;
	scanner->text.length = 0;
	scanner->depth = 0;
	scanner->in_text = scanner->escaped = false;
	for (bool done = false; !done;) {
		if (scanner->at == scanner->filled) {
			int status = refill(scanner, err);
			if (status != OK)
				return status;
			if (scanner->filled == 0)
				return cut_off(scanner, first_line, err);
		}
		size_t start = scanner->at;
		done = scan_block(scanner);
		strbuf_add_bytes(&scanner->text, scanner->block + start, scanner->at - start);
		if (scanner->text.failed)
			return strbuf_check(&scanner->text, err);
		if (scanner->text.length > ELEMENT_LIMIT)
			return err_set(err, ERR_DATA, "%s: element %zu at line %zu is larger than %zu bytes", scanner->path,
			               scanner->element, first_line, ELEMENT_LIMIT);
	}
	return OK;
}

/* One element: read, parsed, given to the caller, freed. The scanner stands on its first byte. */
static int deliver(struct scanner *scanner, json_element *element, void *context, struct err *err)
{
	struct json *value = NULL;
	size_t first_line = scanner->line;
	scanner->element++;
	int status = read_element(scanner, err);
	if (status != OK)
		return status;
	if (scanner->text.length == 0)
		return err_set(err, ERR_DATA, "%s: element %zu: line %zu: a value is missing", scanner->path, scanner->element,
		               first_line);
	status = json_parse_value(&value, scanner->text.text, scanner->text.length, first_line, true, err);
	if (status != OK)
		return err_wrap(err, "%s: element %zu", scanner->path, scanner->element);
	status = element(value, scanner->element - 1, context, err);
	json_free(value);
	if (status != OK)
		err_wrap(err, "%s: element %zu (line %zu)", scanner->path, scanner->element, first_line);
	return status;
}

static int skip_mark(struct scanner *scanner, struct err *err)
{
	int status = refill(scanner, err);
	if (status == OK && scanner->filled >= 3 && memcmp(scanner->block, "\xef\xbb\xbf", 3) == 0)
		scanner->at = 3;
	return status;
}

static int unexpected(const struct scanner *scanner, int byte, const char *wanted, struct err *err)
{
	if (byte == END_OF_FILE)
		return err_set(err, ERR_DATA,
		               "%s: line %zu: the file ends after element %zu, but its array does not; is it complete?",
		               scanner->path, scanner->line, scanner->element);
	return err_set(err, ERR_DATA, "%s: line %zu: '%c' after element %zu, expected %s", scanner->path, scanner->line,
	               byte >= ' ' && byte < 0x7f ? byte : '?', scanner->element, wanted);
}

static int read_array(struct scanner *scanner, json_element *element, void *context, struct err *err)
{
	int byte;
	int status = skip_mark(scanner, err);
	if (status != OK || (status = peek(scanner, &byte, err)) != OK)
		return status;
	if (byte != '[')
		return err_set(err, ERR_DATA, "%s: line %zu: not a JSON array: it must begin with '['", scanner->path,
		               scanner->line);
	scanner->at++;
	if ((status = peek(scanner, &byte, err)) != OK)
		return status;
	while (byte != ']') {
		if (byte == END_OF_FILE)
			return unexpected(scanner, byte, "", err);
		if ((status = deliver(scanner, element, context, err)) != OK || (status = peek(scanner, &byte, err)) != OK)
			return status;
		if (byte == ']')
			break;
		if (byte != ',')
			return unexpected(scanner, byte, "',' or ']'", err);
		scanner->at++;
		if ((status = peek(scanner, &byte, err)) != OK)
			return status;
		if (byte == ']')
			return unexpected(scanner, byte, "a value behind the comma", err);
	}
	scanner->at++;
	if ((status = peek(scanner, &byte, err)) != OK)
		return status;
	return byte == END_OF_FILE ? OK : unexpected(scanner, byte, "nothing behind the array", err);
}

int json_stream(const char *path, json_element *element, void *context, struct err *err)
{
	struct scanner scanner = {.path = path, .line = 1};
	if (path_is_folder(path))
		return err_set(err, ERR_IO, "%s: is a folder, not a file", path);
	scanner.file = gzopen(path, "rb");
	if (!scanner.file)
		return err_errno(err, "%s: cannot be read", path);
	scanner.block = mem_alloc(BLOCK_BYTES, 1, err);
	int status = scanner.block ? read_array(&scanner, element, context, err) : err->code;
	gzclose(scanner.file);
	free(scanner.block);
	strbuf_free(&scanner.text);
	return status;
}
