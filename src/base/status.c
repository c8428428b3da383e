#include "base/base.h"

#include <errno.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	err->code = code;
	vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
	return code;
}

int err_errno(struct err *err, const char *fmt, ...)
{
	int number = errno;
	va_list args;
	va_start(args, fmt);
	err->code = number == ENOMEM ? ERR_MEMORY : ERR_IO;
	int used = vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof err->text)
		snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s", strerror(number));
	return err->code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char inner[sizeof err->text];
	memcpy(inner, err->text, sizeof inner);
	va_list args;
	va_start(args, fmt);
	int used = vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
	/* A sentence too long for the struct is cut at its end: the place stands at its beginning. */
	if (used >= 0 && (size_t)used < sizeof err->text)
		(void)!snprintf(err->text + used, sizeof err->text - (size_t)used, ": %.*s", (int)(sizeof inner - 3), inner);
	return err->code;
}

const char *status_text(int code)
{
	switch (code) {
#define STATUS_CASE(name, exit_code, text)                                                                             \
	case name:                                                                                                         \
		return text;
		STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
	}
	return "unknown status";
}
