/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/dir_layout.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/document.h"
#include "image/manifest.h"
#include "transfer/bundle.h"
#include "transfer/load_image.h"

bool dir_layout_is(const struct bundle *bundle)
{
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	struct err ignored = ERR_NONE;

	if (!bundle_has(bundle, "version") ||
	    bundle_read(bundle, "manifest.json", DOCUMENT_SIZE, &bytes, &ignored) < 0)
		return false;
	return bytes.data && bytes.data[strspn(bytes.data, " \t\r\n")] == '{';
}

static struct part part_of(const struct descriptor *d)
{
	return (struct part){ .name = str_dup(digest_hex(d->digest)),
			      .digest = str_dup(d->digest),
			      .size_bytes = d->size_bytes,
			      .size_known = true };
}

int dir_layout_load(const struct load *load, struct err *err)
{
	_cleanup_(image_parts_clear) struct image_parts parts = IMAGE_PARTS_EMPTY;
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	int r = bundle_read(load->bundle, "manifest.json", DOCUMENT_SIZE, &bytes, err);

	if (r == 0)
		r = manifest_parse(bytes.data, bytes.length, "manifest.json", &manifest, err);
	if (r == 0 && manifest.is_index)
		r = err_set(err, EOPNOTSUPP, "it holds images for several platforms");
	if (r < 0)
		return r;
	parts.config = part_of(&manifest.config);
	parts.layers = mem_new((manifest.count + 1) * sizeof(*parts.layers));
	for (size_t i = 0; i < manifest.count; i++)
		parts.layers[parts.layer_count++] = part_of(&manifest.items[i]);
	parts.manifest_length = bytes.length;
	parts.manifest = ptr_take(&bytes.data);
	return load_image(load, &parts, err);
}
