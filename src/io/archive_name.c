#include "io/archive_internal.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool name_ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);
	return length > end_length && strcasecmp(text + length - end_length, end) == 0;
}

bool name_is_archive(const char *name)
{
	static const char *const ends[] = {".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".7z"};
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		if (name_ends_with(name, ends[i]))
			return true;
	}
	return false;
}

const char *name_clean(char *name)
{
	if (name[0] == '/' || name[0] == '\\' || (name[0] && name[1] == ':'))
		return "absolute name";
	char *to = name;
	for (char *from = name; *from;) {
		size_t length = strcspn(from, "/");
		/* Either slash separates on some system. */
		if (length >= 2 && from[0] == '.' && from[1] == '.' && (length == 2 || from[2] == '\\'))
			return "name with '..'";
		if (length > 0 && !(length == 1 && from[0] == '.')) {
			if (to != name)
				*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
		from += *from == '/';
	}
	*to = '\0';
	return to == name ? "empty name" : NULL;
}

/* Bytes of the UTF-8 sequence at `text`, 0 when it is none (overlong forms, surrogates and > U+10FFFF are none). */
static size_t utf8_length(const unsigned char *text, size_t left)
{
	size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xF0 ? 4 : text[0] >= 0xE0 ? 3 : 2;
	if (length == 1)
		return 1;
	if (text[0] < 0xC2 || text[0] > 0xF4 || left < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	}
	unsigned second = text[1];
	bool good = !(text[0] == 0xE0 && second < 0xA0) && !(text[0] == 0xED && second > 0x9F) &&
	            !(text[0] == 0xF0 && second < 0x90) && !(text[0] == 0xF4 && second > 0x8F);
	return good ? length : 0;
}

static bool is_utf8(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t step = utf8_length((const unsigned char *)bytes + i, length - i);
		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

/* NULL when the bytes are not CP949 or this system cannot convert it; *err is set when memory ran out. */
static char *from_cp949(const char *bytes, size_t length, struct err *err)
{
	iconv_t convert = iconv_open("UTF-8", "CP949");
	if (convert == (iconv_t)-1)
		return NULL;
	char *text = mem_alloc(3 * length + 1, 1, err), *to = text, *from = (char *)(uintptr_t)bytes;
	size_t room = 3 * length, left = length;
	if (text && (iconv(convert, &from, &left, &to, &room) == (size_t)-1 || left > 0)) {
		free(text);
		text = NULL;
	}
	iconv_close(convert);
	return text;
}

char *name_as_utf8(const char *bytes, size_t length, struct err *err)
{
	if (is_utf8(bytes, length))
		return mem_format(err, "%.*s", (int)length, bytes);
	struct err failure = {0};
	char *text = from_cp949(bytes, length, &failure);
	if (text)
		return text;
	if (failure.code != OK) {
		*err = failure;
		return NULL;
	}
	text = mem_alloc(3 * length + 1, 1, err);
	if (!text)
		return NULL;
	char *to = text;
	for (size_t i = 0; i < length;) {
		size_t step = utf8_length((const unsigned char *)bytes + i, length - i);
		memcpy(to, step ? bytes + i : "\xEF\xBF\xBD", step ? step : 3);
		to += step ? step : 3;
		i += step ? step : 1;
	}
	return text;
}
