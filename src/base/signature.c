#include "base/base.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

/* Without it OpenSSL would ask for a pass phrase on the terminal. */
static int no_phrase(char *phrase, int size, int writing, void *context)
{
	(void)phrase;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

/* The key in a PEM file, refused unless it is Ed25519. */
static int key_load(EVP_PKEY **out, const char *path, bool private, struct err *err)
{
	FILE *file = fopen(path, "r");
	if (!file)
		return err_errno(err, "%s: cannot be read", path);
	EVP_PKEY *key =
	    private ? PEM_read_PrivateKey(file, NULL, no_phrase, NULL) : PEM_read_PUBKEY(file, NULL, no_phrase, NULL);
	fclose(file);
	if (!key)
		return err_set(err, ERR_DATA, "%s: holds no %s in PEM; %s", path,
		               private ? "private key without a pass phrase" : "public key",
		               private ? "`openssl genpkey -algorithm ed25519` makes one"
		                       : "`openssl pkey -pubout` makes one of a private key");
	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		return err_set(err, ERR_DATA, "%s: the key is of another kind than Ed25519", path);
	}
	*out = key;
	return OK;
}

int signature_make(const char *key_path, const void *bytes, size_t count, unsigned char out[SIGNATURE_BYTES],
                   struct err *err)
{
	EVP_PKEY *key = NULL;
	size_t size = SIGNATURE_BYTES;
	int status = key_load(&key, key_path, true, err);
	if (status != OK)
		return status;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(context, out, &size, bytes, count) != 1 || size != SIGNATURE_BYTES)
		status = err_set(err, ERR_MEMORY, "%s: libcrypto does not sign", key_path);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return status;
}

int signature_check(const char *key_path, const void *bytes, size_t count,
                    const unsigned char signature[SIGNATURE_BYTES], bool *good, struct err *err)
{
	EVP_PKEY *key = NULL;
	int status = key_load(&key, key_path, false, err);
	if (status != OK)
		return status;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) != 1)
		status = err_set(err, ERR_MEMORY, "%s: libcrypto does not verify", key_path);
	else
		*good = EVP_DigestVerify(context, signature, SIGNATURE_BYTES, bytes, count) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return status;
}
