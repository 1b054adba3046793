/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `pull`: an image from a registry. The manifest first; then the layers that are missing, side by side, each in one pass:
 *
 *	fetcher (network) -> here: SHA-256, parts/ -> decompressor -> here: SHA-256 -> extractor (files)
 *
 * A thread for each step that is ours, a process in a sandbox of its own for each that reads foreign bytes. */
#ifndef CLOCHE_TRANSFER_PULL_H
#define CLOCHE_TRANSFER_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "transfer/progress.h"

struct err;
struct outcome;
struct work;

struct pull_options {
	const char *reference; /* as the user wrote it */
	const char *platform;  /* OS/ARCH[/VARIANT]; NULL: this machine's */
	char **insecure;       /* registry_access.h; or NULL */
	bool verify;	       /* by policy.json */
	bool foreign;	       /* layers may come from elsewhere, when the manifest says so */
	uint64_t limit_bytes;  /* of a layer, unpacked */
	enum progress_mode progress;
};

/* What it got is in the outcome, names: the tag, and NAME@DIGEST. Parts of layers stay when it fails. */
int pull_image(const struct work *work, const struct pull_options *options, struct outcome *outcome,
	       struct err *err);

#endif
