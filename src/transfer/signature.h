/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One signature of an image, in the two forms that containers-policy.json knows: a "simple signing" message of OpenPGP, verified by
 * gpgv in a process without rights, and a payload that sigstore (cosign) signed, verified by libcrypto with a public key. What is signed
 * is a small JSON document, containers-signature(5): the manifest's digest, and the name it was signed for. */
#ifndef CLOCHE_TRANSFER_SIGNATURE_H
#define CLOCHE_TRANSFER_SIGNATURE_H

#include <stddef.h>

struct buf;
struct err;

struct signature_claims {
	char *digest; /* of the manifest */
	char *name;   /* docker-reference */
};
#define SIGNATURE_CLAIMS_EMPTY ((struct signature_claims){ 0 })
void signature_claims_clear(struct signature_claims *claims);

/* type: "atomic container signature" or "cosign container image signature". -EBADMSG. */
int signature_claims_read(const char *payload, size_t length, const char *type,
			  struct signature_claims *ret_claims, struct err *err);

/* text: of a sigstore signature, base64; key: a public key in PEM. -EPERM: it is not by this key. */
int signature_sigstore(const char *payload, size_t length, const char *text, const char *key,
		       size_t key_length, struct err *err);
/* message: an OpenPGP message that was signed; key: public keys, armored or not. *ret_payload: what was signed. -EPERM: by none of them. */
int signature_openpgp(const char *message, size_t length, const char *key, size_t key_length,
		      struct buf *ret_payload, struct err *err);

#endif
