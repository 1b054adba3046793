/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/document.h"
#include "transfer/base64.h"

enum { WORD_MAX = 4096, STATUS_MAX = 65536 };

/* -- what is signed --------------------------------------------------------------------------- */

void signature_claims_clear(struct signature_claims *claims)
{
	free(claims->digest);
	free(claims->name);
	*claims = SIGNATURE_CLAIMS_EMPTY;
}

int signature_claims_read(const char *payload, size_t length, const char *type,
			  struct signature_claims *ret_claims, struct err *err)
{
	_cleanup_(signature_claims_clear) struct signature_claims claims = SIGNATURE_CLAIMS_EMPTY;
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *is = NULL;
	int r = document_parse(payload, length, "signed document", &json, err);

	if (r == 0)
		r = document_string(json, "critical.type", WORD_MAX, &is, err);
	if (r == 0)
		r = document_string(json, "critical.image.docker-manifest-digest", WORD_MAX,
				    &claims.digest, err);
	if (r == 0)
		r = document_string(json, "critical.identity.docker-reference", WORD_MAX,
				    &claims.name, err);
	if (r < 0)
		return r;
	if (!str_equal(is, type))
		return err_set(err, EBADMSG, "what is signed is of type \"%.100s\"", is ? is : "");
	if (!claims.digest || !digest_valid(claims.digest) || !claims.name)
		return err_set(err, EBADMSG, "what is signed names no image");
	*ret_claims = claims;
	claims = SIGNATURE_CLAIMS_EMPTY;
	return 0;
}

/* -- sigstore --------------------------------------------------------------------------------- */

static EVP_PKEY *read_key(const char *key, size_t length)
{
	BIO *bio = BIO_new_mem_buf(key, (int)length);
	EVP_PKEY *public = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	(void)BIO_free(bio);
	return public;
}

/* ECDSA and RSA sign a SHA-256 of it, Ed25519 the payload as it is. */
static const EVP_MD *hash_of(const EVP_PKEY *key)
{
	int kind = EVP_PKEY_base_id(key);

	return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? NULL : EVP_sha256();
}

int signature_sigstore(const char *payload, size_t length, const char *text, const char *key,
		       size_t key_length, struct err *err)
{
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	EVP_PKEY *public = key_length <= INT32_MAX ? read_key(key, key_length) : NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int r = 0;

	if (!public)
		r = err_set(err, EINVAL, "the key is no public key in PEM");
	else if (!context)
		r = err_set(err, ENOMEM, "start libcrypto");
	else if (base64_decode_bytes(text, &bytes) < 0 || bytes.length == 0)
		r = err_set(err, EBADMSG, "the signature is not in base64");
	else if (EVP_DigestVerifyInit(context, NULL, hash_of(public), NULL, public) != 1 ||
		 EVP_DigestVerify(context, (const unsigned char *)bytes.data, bytes.length,
				  (const unsigned char *)payload, length) != 1)
		r = err_set(err, EPERM, "the signature is not by this key");
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public);
	return r;
}

/* -- OpenPGP ---------------------------------------------------------------------------------- */

static int memory_file(const char *name, const char *bytes, size_t length, struct err *err)
{
	_cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, bytes, length);

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? err_sys(err, r, "keep %s in memory", name) : fd_take(&fd);
}

/* gpgv reads keys as packets, not in ASCII armor (RFC 4880, 6.2). */
static int dearmor(const char *key, size_t length, struct buf *ret, struct err *err)
{
	static const char begin[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----", end[] = "-----END PGP";
	_cleanup_free_ char *text = str_ndup(key, length);
	const char *at = text;

	if (length > 0 && ((unsigned char)key[0] & 0x80)) { /* packets */
		buf_add(ret, key, length);
		return 0;
	}
	while ((at = strstr(at, begin)) != NULL) {
		const char *stop = strstr(at, end), *body;
		_cleanup_(buf_clear) struct buf digits = BUF_EMPTY, bytes = BUF_EMPTY;

		body = strstr(at, "\n\n");
		if (!body)
			body = strstr(at, "\r\n\r\n");
		if (!stop || !body || body > stop)
			return err_set(err, EBADMSG, "the key's armor is damaged");
		buf_puts(&digits, "");
		for (body += strspn(body, "\r\n"); body < stop;) {
			size_t n = strcspn(body, "\r\n");

			if (*body == '=') /* the checksum */
				break;
			buf_add(&digits, body, n);
			body += n;
			body += strspn(body, "\r\n");
		}
		if (base64_decode_bytes(digits.data, &bytes) < 0 || bytes.length == 0)
			return err_set(err, EBADMSG, "the key's armor is damaged");
		buf_add(ret, bytes.data, bytes.length);
		at = stop;
	}
	return ret->length > 0 ? 0 : err_set(err, EBADMSG, "it is no public key of OpenPGP");
}

enum { FD_KEY = 3, FD_MESSAGE, FD_PAYLOAD, FD_STATUS, FD_END };

/* As nobody, without new rights, with nothing but four descriptors. */
static _Noreturn void gpgv(const int from[FD_END])
{
	static const uid_t nobody = 65534;
	static const char *const argv[] = {
		"gpgv", "--homedir", "/nonexistent", "--keyring", "/dev/fd/3", "--status-fd",
		"6",	"--output",  "/dev/fd/5",    "--",	  "/dev/fd/4", NULL,
	};
	static const char *const env[] = { "LC_ALL=C", "PATH=/usr/bin:/bin", NULL };
	const struct rlimit none = { 0, 0 }, cpu = { 20, 20 };
	int high[FD_END], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < FD_END; i++) {
		high[i] = fcntl(i < FD_KEY ? null : from[i], F_DUPFD_CLOEXEC, FD_END);
		if (high[i] < 0)
			_exit(126);
	}
	for (int i = 0; i < FD_END; i++)
		if (dup2(high[i], i) < 0)
			_exit(126);
	if (close_range(FD_END, ~0U, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    setrlimit(RLIMIT_CPU, &cpu) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setgroups(0, NULL) < 0 || setresgid(nobody, nobody, nobody) < 0 ||
	    setresuid(nobody, nobody, nobody) < 0)
		_exit(126);
	(void)execve("/usr/bin/gpgv", (char **)(uintptr_t)argv, (char **)(uintptr_t)env);
	_exit(127);
}

static int run_gpgv(int key, int message, int payload, struct buf *status, struct err *err)
{
	int ends[2], state = 0, r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = fork();
	if (pid == 0)
		gpgv((const int[FD_END]){ -1, -1, -1, key, message, payload, ends[1] });
	fd_close(ends[1]);
	r = pid < 0 ? -errno : fd_read_all(ends[0], STATUS_MAX, status);
	fd_close(ends[0]);
	if (pid > 0 && r < 0)
		(void)kill(pid, SIGKILL);
	while (pid > 0 && waitpid(pid, &state, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return err_sys(err, r, "run gpgv");
	if (WIFEXITED(state) && WEXITSTATUS(state) == 127) {
		err_set(err, ENOENT,
			"/usr/bin/gpgv, which verifies signatures of OpenPGP, is not there");
		return err_hint(err, "install the package gpgv");
	}
	return WIFEXITED(state) ? WEXITSTATUS(state) :
				  err_set(err, EIO, "gpgv was ended by signal %d", WTERMSIG(state));
}

static size_t count_lines(const char *text, const char *prefix)
{
	size_t count = 0;

	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		count += str_prefix(at, prefix);
	}
	return count;
}

int signature_openpgp(const char *message, size_t length, const char *key, size_t key_length,
		      struct buf *ret_payload, struct err *err)
{
	_cleanup_(buf_clear) struct buf packets = BUF_EMPTY, status = BUF_EMPTY;
	_cleanup_close_ int keys = -1, signature = -1, payload = -1;
	int r = dearmor(key, key_length, &packets, err);

	if (r < 0)
		return r;
	keys = memory_file("keys", packets.data, packets.length, err);
	if (keys >= 0)
		signature = memory_file("signature", message, length, err);
	if (signature >= 0)
		payload = memory_file("payload", "", 0, err);
	if (payload < 0)
		return -err->code;
	r = run_gpgv(keys, signature, payload, &status, err);
	if (r < 0)
		return r;
	/* one signature, and a good one: of two, one could be by somebody else */
	if (r != 0 || !status.data || count_lines(status.data, "[GNUPG:] VALIDSIG ") != 1 ||
	    count_lines(status.data, "[GNUPG:] GOODSIG ") != 1 ||
	    count_lines(status.data, "[GNUPG:] NEWSIG") != 1)
		return err_set(err, EPERM, "the signature is by none of the keys");
	if (lseek(payload, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "read what is signed");
	r = fd_read_all(payload, DOCUMENT_SIZE, ret_payload);
	return r < 0 ? err_sys(err, r, "read what is signed") : 0;
}
