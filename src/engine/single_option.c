/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/single_option.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "engine/create.h"

static const struct {
	const char *option, *accepted, *reason;
	size_t field;
} singles[] = {
	{ "--isolation", "default", "the kernel's namespaces are the only isolation here",
	  offsetof(struct create_options, isolation) },
	{ "--volume-driver", "local",
	  "volumes are local; the plugins of others need Docker's daemon",
	  offsetof(struct create_options, volume_driver) },
};

int single_options(const struct create_options *o, char ***warnings, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(singles); i++) {
		const char *value = *(const char *const *)((const char *)o + singles[i].field);

		if (value && *value && strcmp(value, singles[i].accepted) != 0)
			return err_set(err, EOPNOTSUPP, "%s %s: %s", singles[i].option, value,
				       singles[i].reason);
	}
	if (o->kernel_memory)
		strv_add(warnings,
			 "--kernel-memory is ignored: the kernel has no such limit any more");
	if (o->disable_content_trust)
		strv_add(warnings, "--disable-content-trust is ignored: there is no content trust");
	return 0;
}
