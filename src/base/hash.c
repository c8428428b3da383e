#include "base/base.h"

#include <openssl/evp.h>
#include <xxhash.h>

static void to_hex(const unsigned char *digest, char hex[SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < 32; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[64] = '\0';
}

void sha256_bytes(const void *bytes, size_t count, char hex[SHA256_HEX])
{
	unsigned char digest[32] = {0};
	EVP_Digest(bytes, count, digest, NULL, EVP_sha256(), NULL);
	to_hex(digest, hex);
}

int sha256_file(const char *path, char hex[SHA256_HEX], struct err *err)
{
	return sha256_file_watched(path, hex, NULL, err);
}

int sha256_file_watched(const char *path, char hex[SHA256_HEX], struct progress *megabytes, struct err *err)
{
	unsigned char block[1 << 16], digest[32] = {0};
	FILE *file = fopen(path, "rb");
	if (!file)
		return err_errno(err, "%s: cannot be read", path);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int status = OK;
	if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
		status = err_set(err, ERR_MEMORY, "no memory for a hash");
	size_t rest = 0;
	for (size_t got; status == OK && (got = fread(block, 1, sizeof block, file)) > 0;) {
		EVP_DigestUpdate(context, block, got);
		rest += got;
		if (megabytes && rest >= 1000000) {
			progress_add(megabytes, rest / 1000000);
			rest %= 1000000;
			status = stop_check(megabytes->topic, err);
		}
	}
	if (status == OK && ferror(file))
		status = err_errno(err, "%s: reading failed", path);
	if (status == OK) {
		EVP_DigestFinal_ex(context, digest, NULL);
		to_hex(digest, hex);
	}
	EVP_MD_CTX_free(context);
	fclose(file);
	return status;
}

uint64_t hash64(const void *bytes, size_t count, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, count, seed);
}

void strbuf_base64(struct strbuf *buf, const void *bytes, size_t count)
{
	const unsigned char *from = bytes;
	/* Whole groups of three, so that only the last piece is padded. */
	for (size_t at = 0; at < count; at += 3000) {
		unsigned char text[4001];
		size_t piece = count - at < 3000 ? count - at : 3000;
		int length = EVP_EncodeBlock(text, from + at, (int)piece);
		strbuf_add_bytes(buf, text, (size_t)length);
	}
}
