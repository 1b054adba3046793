/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/platform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/architecture.h"
#include "image/manifest.h"

/* What the kernel and others call them. */
static const struct {
	const char *word, *architecture, *variant;
} aliases[] = {
	{ "x86_64", "amd64", NULL }, { "x86-64", "amd64", NULL }, { "aarch64", "arm64", NULL },
	{ "i386", "386", NULL },     { "armhf", "arm", "v7" },	  { "armel", "arm", "v6" },
};

static void use_gos_words(struct platform *platform)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (strcmp(platform->architecture, aliases[i].word) != 0)
			continue;
		free(platform->architecture);
		platform->architecture = str_dup(aliases[i].architecture);
		if (!platform->variant)
			platform->variant = str_dup(aliases[i].variant);
		return;
	}
}

int platform_parse(const char *text, struct platform *ret_platform, struct err *err)
{
	_cleanup_strv_ char **parts = strv_split(text ? text : "linux", '/');
	size_t count = strv_length(parts);

	if (count > 3 || strcmp(parts[0], "linux") != 0)
		return err_set(err, EINVAL, "platform \"%s\" is not linux/ARCHITECTURE", text);
	for (size_t i = 0; i < count; i++)
		if (!*parts[i])
			return err_set(err, EINVAL, "platform \"%s\" has an empty part", text);
	*ret_platform = (struct platform){ .os = str_dup(parts[0]),
					   .architecture = str_dup(count > 1 ? parts[1] :
									       architecture_here()),
					   .variant = count > 2 ? str_dup(parts[2]) : NULL };
	use_gos_words(ret_platform);
	return 0;
}

void platform_clear(struct platform *platform)
{
	free(platform->os);
	free(platform->architecture);
	free(platform->variant);
	*platform = (struct platform){ 0 };
}
