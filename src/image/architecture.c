/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/architecture.h"

#include <string.h>

const char *architecture_here(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#else
/* cppcheck-suppress preprocessorErrorDirective */
#error "a new architecture needs GOARCH's word for it here"
#endif
}

bool architecture_runs(const char *wanted)
{
	const char *here = architecture_here();

	return strcmp(wanted, here) == 0 ||
	       (strcmp(here, "amd64") == 0 && strcmp(wanted, "386") == 0);
}
