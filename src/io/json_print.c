/*
 * Text of a JSON tree. Every text comes out as valid UTF-8: file names need not be it, a byte that is none becomes
 * U+FFFD.
 */
#include "io/io.h"

#include <stdlib.h>
#include <string.h>

#include "io/json_internal.h"

/* Bytes of the UTF-8 character at `text`, 0 when it is none (RFC 3629: no overlong forms, no surrogates, up to
 * U+10FFFF). */
static size_t utf8_length(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t length;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] < 0xc2 || byte[0] > 0xf4)
		return 0;
	length = byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
	if (byte[0] == 0xe0)
		low = 0xa0;
	else if (byte[0] == 0xed)
		high = 0x9f;
	else if (byte[0] == 0xf0)
		low = 0x90;
	else if (byte[0] == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < length; i++) {
		if (byte[i] < low || byte[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return length;
}

static void print_control(struct strbuf *buf, unsigned char byte)
{
	static const char letters[] = "\bb\ff\nn\rr\tt";
	for (size_t i = 0; i + 1 < sizeof letters; i += 2)
		if ((unsigned char)letters[i] == byte) {
			strbuf_format(buf, "\\%c", letters[i + 1]);
			return;
		}
	strbuf_format(buf, "\\u%04x", byte);
}

static void print_text(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, "\"");
	for (const char *at = text; *at;) {
		size_t length = utf8_length(at);
		unsigned char byte = (unsigned char)*at;
		if (length == 0)
			strbuf_add(buf, "\xef\xbf\xbd");
		else if (byte == '"' || byte == '\\')
			strbuf_format(buf, "\\%c", byte);
		else if (byte < 0x20 || byte == 0x7f)
			print_control(buf, byte);
		else
			strbuf_add_bytes(buf, at, length);
		at += length ? length : 1;
	}
	strbuf_add(buf, "\"");
}

/* Nine digits give every float32 back; ".0" keeps a whole real a real when it is read again. */
static void print_number(struct strbuf *buf, const struct json *value)
{
	char text[40];
	if (json_is_integer(value)) {
		strbuf_format(buf, "%lld", (long long)json_integer_value(value, 0));
		return;
	}
	snprintf(text, sizeof text, "%.9g", json_number(value, 0));
	strbuf_add(buf, text);
	if (!strpbrk(text, ".e"))
		strbuf_add(buf, ".0");
}

static void print_break(struct strbuf *buf, int indent, int depth)
{
	if (indent > 0)
		strbuf_format(buf, "\n%*s", indent * depth, "");
}

static bool holds_lists(const struct json *array)
{
	for (size_t i = 0; i < json_count(array); i++)
		if (json_kind(json_at(array, i)) >= JSON_KIND_ARRAY)
			return true;
	return false;
}

static void print_value(struct strbuf *buf, const struct json *value, int indent, int depth);

/* An array of plain values stands on one line, whatever the indentation. */
static void print_list(struct strbuf *buf, const struct json *list, int indent, int depth)
{
	bool object = json_kind(list) == JSON_KIND_OBJECT;
	bool broken = indent > 0 && json_count(list) > 0 && (object || holds_lists(list));
	strbuf_add(buf, object ? "{" : "[");
	for (size_t i = 0; i < json_count(list); i++) {
		if (i > 0)
			strbuf_add(buf, indent > 0 && !broken ? ", " : ",");
		if (broken)
			print_break(buf, indent, depth + 1);
		if (object) {
			print_text(buf, json_key(list, i));
			strbuf_add(buf, indent > 0 ? ": " : ":");
		}
		print_value(buf, json_at(list, i), indent, depth + 1);
	}
	if (broken)
		print_break(buf, indent, depth);
	strbuf_add(buf, object ? "}" : "]");
}

static void print_value(struct strbuf *buf, const struct json *value, int indent, int depth)
{
	switch (json_kind(value)) {
	case JSON_KIND_NULL:
		strbuf_add(buf, "null");
		break;
	case JSON_KIND_BOOL:
		strbuf_add(buf, json_bool(value, false) ? "true" : "false");
		break;
	case JSON_KIND_NUMBER:
		print_number(buf, value);
		break;
	case JSON_KIND_TEXT:
		print_text(buf, json_text(value, ""));
		break;
	case JSON_KIND_ARRAY:
	case JSON_KIND_OBJECT:
		print_list(buf, value, indent, depth);
		break;
	}
}

int json_print(const struct json *value, int indent, char **out, struct err *err)
{
	if (!value || json_tree_failed(value))
		return err_set(err, ERR_MEMORY, "no memory for a JSON document");
	struct strbuf buf = {0};
	print_value(&buf, value, indent, 0);
	int status = strbuf_check(&buf, err);
	if (status != OK) {
		strbuf_free(&buf);
		return status;
	}
	*out = buf.text;
	return OK;
}

int json_save(const struct json *value, const char *path, struct err *err)
{
	char *text = NULL;
	struct out_file file;
	int status = json_print(value, 2, &text, err);
	if (status != OK)
		return err_wrap(err, "%s", path);
	if ((status = out_open(&file, path, err)) == OK) {
		/* A failed write is seen by out_commit. */
		(void)!fputs(text, file.stream);
		(void)!fputc('\n', file.stream);
		status = out_commit(&file, err);
	}
	free(text);
	return status;
}
