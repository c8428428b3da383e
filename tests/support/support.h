/*
 * What every unit test uses: cmocka, a scratch folder, comparisons that name the worst element, canaries.
 */
#ifndef MOODCAST_TESTS_SUPPORT_H
#define MOODCAST_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

/* Fails with the error's own sentence. Needs `struct err err` in scope, as the call's last argument. */
#define assert_ok(call)                                                                  \
	do {                                                                                 \
		int ok_code = (call);                                                            \
		if (ok_code != OK)                                                               \
			fail_msg("%s: %s", #call, err.text);                                         \
	} while (0)
/* The call fails with `code` and its sentence has `part` in it. Needs `struct err err` in scope. */
#define assert_refused(call, want, part)                                                 \
	do {                                                                                 \
		err = (struct err){0};                                                           \
		int refused_code = (call);                                                       \
		if (refused_code != (want))                                                      \
			fail_msg("%s: status %d, expected %d: %s", #call, refused_code, (want), err.text); \
		if (!strstr(err.text, (part)))                                                   \
			fail_msg("%s: \"%s\" does not say \"%s\"", #call, err.text, (part));         \
	} while (0)

/* Every |a − b| ≤ absolute + relative·|b|; else fails naming the worst element. */
void assert_close(const float *a, const float *b, size_t count, double relative, double absolute);
/* sqrt(Σ(a−b)²) / sqrt(Σb²). */
double relative_l2(const float *a, const float *b, size_t count);

/* A fresh folder below the system's temporary one; freed and removed by scratch_remove. */
char *scratch_new(void);
void scratch_remove(char *folder);
/* FOLDER/name, in one of eight rotating buffers. */
const char *scratch_path(const char *folder, const char *name);

/* count floats with a canary on both sides; canary_check fails when one was overwritten; freed by canary_free. */
float *canary_new(size_t count);
void canary_check(const float *block, size_t count);
void canary_free(float *block);

/* The first Ed25519 key of RFC 8032, section 7.1, as PEM files (RFC 8410). */
#define EXAMPLE_PRIVATE_PEM                                                                                            \
	"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"                  \
	"-----END PRIVATE KEY-----\n"
#define EXAMPLE_PUBLIC_PEM                                                                                             \
	"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"                       \
	"-----END PUBLIC KEY-----\n"

/* SANITIZED: built with AddressSanitizer or ThreadSanitizer, by gcc's word or by clang's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#endif
