/*
 * One spelling for every tag. The order matters: full-width letters must be ASCII before they are case folded, and
 * composition comes last because folding can decompose (U+0390).
 */
#include "text/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static bool is_space(utf8proc_int32_t point)
{
	if (point == ' ' || (point >= '\t' && point <= '\r') || point == 0x85)
		return true;
	utf8proc_category_t category = utf8proc_category(point);
	return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* Full-width ASCII (U+FF01 … U+FF5E) lies at a fixed distance from ASCII; white space of any kind becomes a blank. */
static utf8proc_int32_t fold_width(utf8proc_int32_t point)
{
	if (point >= 0xFF01 && point <= 0xFF5E)
		return point - 0xFF01 + 0x21;
	return is_space(point) ? ' ' : point;
}

static void add_point(struct strbuf *buf, utf8proc_int32_t point)
{
	utf8proc_uint8_t bytes[4];
	utf8proc_ssize_t n = utf8proc_encode_char(point, bytes);

	strbuf_add_bytes(buf, bytes, (size_t)n);
}

static int fold_widths(const char *raw, struct strbuf *out, struct err *err)
{
	size_t length = strlen(raw);

	for (size_t at = 0; at < length;) {
		utf8proc_int32_t point;
		utf8proc_ssize_t n =
		    utf8proc_iterate((const utf8proc_uint8_t *)raw + at, (utf8proc_ssize_t)(length - at), &point);
		if (n < 1)
			return err_set(err, ERR_DATA, "tag: byte %zu (0x%02X) is not UTF-8", at + 1, (unsigned char)raw[at]);
		add_point(out, fold_width(point));
		at += (size_t)n;
	}
	strbuf_add(out, "");
	return strbuf_check(out, err);
}

/* Control and default-ignorable characters go, except those that fold_widths made blanks. */
static int fold_case(const struct strbuf *in, utf8proc_uint8_t **out, struct err *err)
{
	utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE |
	                            UTF8PROC_STRIPCC;
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)in->text, (utf8proc_ssize_t)in->length, out, options);

	if (n == UTF8PROC_ERROR_NOMEM)
		return err_set(err, ERR_MEMORY, "tag: out of memory");
	if (n < 0)
		return err_set(err, ERR_DATA, "tag: %s", utf8proc_errmsg(n));
	return OK;
}

static int collapse_spaces(const char *text, struct strbuf *out, struct err *err)
{
	bool pending = false;

	out->length = 0;
	for (const char *c = text; *c; c++) {
		if (*c == ' ') {
			pending = out->length > 0;
			continue;
		}
		if (pending)
			strbuf_add(out, " ");
		pending = false;
		strbuf_add_bytes(out, c, 1);
	}
	strbuf_add(out, "");
	return strbuf_check(out, err);
}

static int fold_once(const char *raw, struct strbuf *out, struct err *err)
{
	struct strbuf wide = {0};
	utf8proc_uint8_t *folded = NULL;
	int code = fold_widths(raw, &wide, err);

	if (code == OK)
		code = fold_case(&wide, &folded, err);
	if (code == OK)
		code = collapse_spaces((const char *)folded, out, err);
	free(folded);
	strbuf_free(&wide);
	return code;
}

/* A dropped character can leave two that compose, and a composed one can fold again: once more until nothing changes.
 * Each pass that changes something shortens or lowers the text, so that the bound is never met by real text. */
enum { MAX_PASSES = 8 };

int tag_normalise(const char *raw, struct strbuf *out, struct err *err)
{
	struct strbuf before = {0}, after = {0};
	int code = fold_once(raw, &after, err);

	for (int pass = 1; code == OK && pass < MAX_PASSES; pass++) {
		struct strbuf swap = before;
		before = after;
		after = swap;
		code = fold_once(before.text, &after, err);
		if (code == OK && !strcmp(before.text, after.text))
			break;
	}
	if (code == OK) {
		out->length = 0;
		strbuf_add(out, after.text);
		code = strbuf_check(out, err);
	}
	strbuf_free(&before);
	strbuf_free(&after);
	return code;
}
