/* Ed25519: the standard's own example, and a bundle that is demanded to be signed. */
#include "bundle_fixture.h"

#include <unistd.h>

static char *folder;

/* RFC 8032, section 7.1, TEST 2: the message is the one byte 0x72. */
static const unsigned char rfc_secret[32] = {
    0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f,
    0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb};
static const unsigned char rfc_public[32] = {
    0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc,
    0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
static const unsigned char rfc_signature[SIGNATURE_BYTES] = {
    0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
    0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
    0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
    0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};

/* The key in the DER of RFC 8410, as PEM. */
static void write_pem(const char *name, const char *kind, const unsigned char *head, size_t head_size,
                      const unsigned char *key)
{
	struct err err = {0};
	struct strbuf text = {0};
	unsigned char der[64];
	memcpy(der, head, head_size);
	memcpy(der + head_size, key, 32);
	strbuf_format(&text, "-----BEGIN %s KEY-----\n", kind);
	strbuf_base64(&text, der, head_size + 32);
	strbuf_format(&text, "\n-----END %s KEY-----\n", kind);
	assert_ok(file_write(scratch_path(folder, name), text.text, text.length, &err));
	strbuf_free(&text);
}

static void write_private(const char *name, const unsigned char *key)
{
	static const unsigned char head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
	                                     0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
	write_pem(name, "PRIVATE", head, sizeof(head), key);
}

static void write_public(const char *name, const unsigned char *key)
{
	static const unsigned char head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	write_pem(name, "PUBLIC", head, sizeof(head), key);
}

static char *path_of(const char *name)
{
	char *copy = strdup(scratch_path(folder, name));
	assert_non_null(copy);
	return copy;
}

static void sign_card(void)
{
	struct err err = {0};
	unsigned char signature[SIGNATURE_BYTES];
	char *key = path_of("private.pem"), *card, *text;
	size_t size;
	card = path_of("bundle.json");
	assert_ok(file_read(card, 1 << 20, &text, &size, &err));
	assert_ok(signature_make(key, text, size, signature, &err));
	assert_ok(file_write(scratch_path(folder, "bundle.json.sig"), signature, sizeof(signature), &err));
	free(text);
	free(card);
	free(key);
}

static int make_signed(void **state)
{
	(void)state;
	unsigned char other[32];
	folder = scratch_new();
	fixture_write(folder);
	write_private("private.pem", rfc_secret);
	write_public("public.pem", rfc_public);
	/* The point of RFC 8032's TEST 1. */
	memcpy(other,
	       "\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02"
	       "\x1a\x68\xf7\x07\x51\x1a",
	       32);
	write_public("other.pem", other);
	sign_card();
	return 0;
}

static int drop(void **state)
{
	(void)state;
	scratch_remove(folder);
	return 0;
}

static void the_example_of_the_standard_comes_out_byte_for_byte(void **state)
{
	(void)state;
	struct err err = {0};
	unsigned char signature[SIGNATURE_BYTES];
	char *private = path_of("private.pem"), *public = path_of("public.pem"), *other = path_of("other.pem");
	bool good = false;
	assert_ok(signature_make(private, "\x72", 1, signature, &err));
	assert_memory_equal(signature, rfc_signature, SIGNATURE_BYTES);
	assert_ok(signature_check(public, "\x72", 1, rfc_signature, &good, &err));
	assert_true(good);
	assert_ok(signature_check(public, "\x73", 1, rfc_signature, &good, &err));
	assert_false(good);
	assert_ok(signature_check(other, "\x72", 1, rfc_signature, &good, &err));
	assert_false(good);
	signature[63] ^= 1;
	assert_ok(signature_check(public, "\x72", 1, signature, &good, &err));
	assert_false(good);
	free(private);
	free(public);
	free(other);
}

static void a_file_that_is_no_key_is_refused_by_its_name(void **state)
{
	(void)state;
	struct err err = {0};
	unsigned char signature[SIGNATURE_BYTES];
	bool good;
	assert_refused(signature_check(scratch_path(folder, "nowhere.pem"), "", 0, rfc_signature, &good, &err), ERR_IO,
	               "nowhere.pem");
	assert_refused(signature_check(scratch_path(folder, "bundle.json"), "", 0, rfc_signature, &good, &err), ERR_DATA,
	               "no public key");
	assert_refused(signature_check(scratch_path(folder, "private.pem"), "", 0, rfc_signature, &good, &err), ERR_DATA,
	               "no public key");
	assert_refused(signature_make(scratch_path(folder, "public.pem"), "", 0, signature, &err), ERR_DATA,
	               "no private key");
}

/* ---- bundles ------------------------------------------------------------------------------------------------- */

static void refused_by(const char *key_name, const char *part)
{
	struct err err = {0};
	struct bundle *bundle = NULL;
	char *key = path_of(key_name);
	assert_refused(bundle_load_signed(&bundle, folder, key, &err), ERR_DATA, part);
	assert_null(bundle);
	free(key);
}

static void a_signed_bundle_loads_and_says_so(void **state)
{
	(void)state;
	struct err err = {0};
	struct bundle *bundle = NULL;
	struct strbuf text = {0};
	char *key = path_of("public.pem");
	assert_ok(bundle_load_signed(&bundle, folder, key, &err));
	assert_true(bundle->signature_checked);
	assert_ok(bundle_describe(bundle, &text, &err));
	assert_non_null(strstr(text.text, "signature: of the key that was given"));
	strbuf_free(&text);
	bundle_free(bundle);
	assert_ok(bundle_load(&bundle, folder, true, &err));
	assert_false(bundle->signature_checked);
	bundle_free(bundle);
	free(key);
}

static void a_missing_a_short_and_a_foreign_signature_are_refused(void **state)
{
	(void)state;
	refused_by("other.pem", "another key signed it");
	assert_int_equal(truncate(scratch_path(folder, "bundle.json.sig"), 63), 0);
	refused_by("public.pem", "63 bytes");
	assert_int_equal(unlink(scratch_path(folder, "bundle.json.sig")), 0);
	refused_by("public.pem", "is not signed");
}

/* The card is written anew, with true sums, and the old signature left beside it. */
static void a_signature_of_an_older_packing_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	struct json *card = NULL;
	struct bundle *bundle = NULL;
	assert_ok(json_load_file(&card, scratch_path(folder, "bundle.json"), &err));
	json_set_text(card, "name", "packed again");
	assert_ok(json_save(card, scratch_path(folder, "bundle.json"), &err));
	json_free(card);
	assert_ok(bundle_load(&bundle, folder, true, &err));
	bundle_free(bundle);
	refused_by("public.pem", "packed again since");
	sign_card();
	char *key = path_of("public.pem");
	assert_ok(bundle_load_signed(&bundle, folder, key, &err));
	bundle_free(bundle);
	free(key);
}

static void a_changed_byte_in_any_file_of_a_signed_bundle_is_refused(void **state)
{
	(void)state;
	static const char *const names[] = {"cascade.xml", "emotion.safetensors", "recommender.safetensors", "bundle.json",
	                                    "bundle.json.sig"};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct err err = {0};
		char *bytes;
		size_t size;
		char *path = path_of(names[i]);
		assert_ok(file_read(path, 1 << 26, &bytes, &size, &err));
		bytes[size / 2] ^= 1;
		assert_ok(file_write(path, bytes, size, &err));
		refused_by("public.pem", names[i]);
		bytes[size / 2] ^= 1;
		assert_ok(file_write(path, bytes, size, &err));
		free(bytes);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_example_of_the_standard_comes_out_byte_for_byte, make_signed, drop),
	    cmocka_unit_test_setup_teardown(a_file_that_is_no_key_is_refused_by_its_name, make_signed, drop),
	    cmocka_unit_test_setup_teardown(a_signed_bundle_loads_and_says_so, make_signed, drop),
	    cmocka_unit_test_setup_teardown(a_missing_a_short_and_a_foreign_signature_are_refused, make_signed, drop),
	    cmocka_unit_test_setup_teardown(a_signature_of_an_older_packing_is_refused, make_signed, drop),
	    cmocka_unit_test_setup_teardown(a_changed_byte_in_any_file_of_a_signed_bundle_is_refused, make_signed, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
