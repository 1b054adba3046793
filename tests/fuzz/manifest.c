/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A manifest or an index, as a registry or an archive may send it. */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	struct err err = ERR_NONE;

	if (manifest_parse((const char *)data, size, "manifest", &manifest, &err) < 0)
		return 0;
	for (size_t i = 0; i < manifest.count; i++) {
		(void)descriptor_is_index(&manifest.items[i]);
		(void)descriptor_fits(&manifest.items[i], "linux", architecture_here());
	}
	return 0;
}
