#include "base/base.h"

#include <stdlib.h>
#include <string.h>

static bool strbuf_reserve(struct strbuf *buf, size_t more)
{
	struct err ignored = {0};
	size_t needed;
	if (buf->failed || __builtin_add_overflow(buf->length + 1, more, &needed)) {
		buf->failed = true;
		return false;
	}
	char *text = mem_grow(buf->text, &buf->capacity, needed, 1, &ignored);
	if (!text) {
		buf->failed = true;
		return false;
	}
	buf->text = text;
	return true;
}

void strbuf_add_bytes(struct strbuf *buf, const void *bytes, size_t count)
{
	if (!strbuf_reserve(buf, count))
		return;
	memcpy(buf->text + buf->length, bytes, count);
	buf->length += count;
	buf->text[buf->length] = '\0';
}

void strbuf_add(struct strbuf *buf, const char *text)
{
	strbuf_add_bytes(buf, text, strlen(text));
}

void strbuf_format(struct strbuf *buf, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, fmt, args);
	if (length < 0)
		buf->failed = true;
	else if (strbuf_reserve(buf, (size_t)length)) {
		vsnprintf(buf->text + buf->length, (size_t)length + 1, fmt, again);
		buf->length += (size_t)length;
	}
	va_end(again);
	va_end(args);
}

int strbuf_check(const struct strbuf *buf, struct err *err)
{
	return buf->failed ? err_set(err, ERR_MEMORY, "no memory for a text of %zu bytes", buf->length) : OK;
}

void strbuf_free(struct strbuf *buf)
{
	free(buf->text);
	*buf = (struct strbuf){0};
}
