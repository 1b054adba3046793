/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OS/ARCHITECTURE[/VARIANT] as `--platform` has it, in Go's words, or with the kernel's: linux/x86_64. */
#ifndef CLOCHE_TRANSFER_PLATFORM_H
#define CLOCHE_TRANSFER_PLATFORM_H

struct err;

struct platform {
	char *os, *architecture, *variant; /* variant may be NULL */
};

/* NULL: this machine. "linux" alone: this machine's architecture. -EINVAL: another system, or an empty part. */
int platform_parse(const char *text, struct platform *ret_platform, struct err *err);
void platform_clear(struct platform *platform);

#endif
