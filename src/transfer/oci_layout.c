/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/oci_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/architecture.h"
#include "image/document.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "image/sha256.h"
#include "transfer/bundle.h"
#include "transfer/load_image.h"
#include "transfer/outcome.h"

static char *blob_name(const char *digest)
{
	return str_printf("blobs/sha256/%s", digest_hex(digest));
}

/* The bytes that a descriptor names, size and digest checked. */
static int read_blob(const struct bundle *bundle, const struct descriptor *d, struct buf *ret,
		     struct err *err)
{
	_cleanup_free_ char *name = blob_name(d->digest);
	char digest[DIGEST_SIZE];
	int r = bundle_read(bundle, name, DOCUMENT_SIZE, ret, err);

	if (r < 0)
		return r;
	if (ret->length != d->size_bytes)
		return err_set(err, EBADMSG, "%s has %zu bytes, not %llu as its descriptor says",
			       d->digest, ret->length, (unsigned long long)d->size_bytes);
	sha256_of(ret->data, ret->length, digest);
	if (strcmp(digest, d->digest) != 0)
		return err_set(err, EBADMSG,
			       "blob %s is not what its digest names: damaged or forged",
			       d->digest);
	return 0;
}

static int read_manifest(const struct bundle *bundle, const struct descriptor *d, struct buf *bytes,
			 struct manifest *ret_manifest, struct err *err)
{
	_cleanup_free_ char *what = str_printf("manifest %s", d->digest);
	int r = read_blob(bundle, d, bytes, err);

	return r < 0 ? r : manifest_parse(bytes->data, bytes->length, what, ret_manifest, err);
}

static int read_index(const struct bundle *bundle, struct manifest *ret_index, struct err *err)
{
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	int r = bundle_read(bundle, "index.json", DOCUMENT_SIZE, &bytes, err);

	if (r == 0)
		r = manifest_parse(bytes.data, bytes.length, "index.json", ret_index, err);
	if (r == 0 && !ret_index->is_index) {
		manifest_clear(ret_index);
		r = err_set(err, EBADMSG, "index.json lists no manifests");
	}
	return r;
}

static void describe(const struct descriptor *d, struct part *part)
{
	*part = (struct part){ .name = blob_name(d->digest),
			       .digest = str_dup(d->digest),
			       .size_bytes = d->size_bytes,
			       .size_known = true };
}

/* containerd and Docker write the whole name; others write what they were given, often a tag alone, which names no image.
 * A whole name that is none is an error, as in manifest.json. */
static int name_of(const struct descriptor *d, char ***names, struct err *err)
{
	_cleanup_free_ char *full = NULL;
	struct err ignored = ERR_NONE;
	int r = 0;

	if (d->name) {
		r = reference_normalize(d->name, &full, err);
		if (r < 0)
			return err_wrap(err, "image name \"%.300s\"", d->name);
	} else if (d->ref_name && strpbrk(d->ref_name, "/:")) {
		if (reference_normalize(d->ref_name, &full, &ignored) < 0)
			return 0;
	}
	/* a name with a digest is what the manifest has anyway; a tag it is not */
	if (full && !strchr(full, '@'))
		strv_add(names, full);
	return 0;
}

static int load_manifest(const struct load *load, const struct descriptor *d, char ***names,
			 struct err *err)
{
	_cleanup_(image_parts_clear) struct image_parts parts = IMAGE_PARTS_EMPTY;
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	int r = read_manifest(load->bundle, d, &bytes, &manifest, err);

	if (r < 0)
		return r;
	if (manifest.is_index)
		return err_set(err, EBADMSG, "manifest %s is an index", d->digest);
	describe(&manifest.config, &parts.config);
	parts.layers = mem_new((manifest.count + 1) * sizeof(*parts.layers));
	for (size_t i = 0; i < manifest.count; i++)
		describe(&manifest.items[i], &parts.layers[parts.layer_count++]);
	parts.names = ptr_take(names);
	parts.manifest_length = bytes.length;
	parts.manifest = ptr_take(&bytes.data);
	return load_image(load, &parts, err);
}

static int no_platform(struct err *err)
{
	return err_set(err, ENOENT, "there is no image for linux/%s in it", architecture_here());
}

static int load_descriptor(const struct load *load, const struct descriptor *d, struct err *err)
{
	_cleanup_(manifest_clear) struct manifest inner = MANIFEST_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_strv_ char **names = NULL;
	const struct descriptor *best;
	int r = name_of(d, &names, err);

	if (r < 0)
		return r;
	if (!descriptor_is_index(d))
		return load_manifest(load, d, &names, err);
	/* once: an index inside this one would not be a manifest */
	r = read_manifest(load->bundle, d, &bytes, &inner, err);
	if (r < 0)
		return r;
	if (!inner.is_index)
		return err_set(err, EBADMSG, "index %s is a manifest", d->digest);
	best = manifest_best(&inner, "linux", architecture_here(), NULL);
	if (!best)
		return no_platform(err);
	if (!names)
		r = name_of(best, &names, err);
	return r < 0 ? r : load_manifest(load, best, &names, err);
}

static bool is_wanted(const struct descriptor *d, const char *only)
{
	_cleanup_free_ char *full = NULL, *has = NULL;
	struct err ignored = ERR_NONE;

	if (str_equal(d->ref_name, only) || str_equal(d->name, only))
		return true;
	return d->name && reference_normalize(only, &full, &ignored) == 0 &&
	       reference_normalize(d->name, &has, &ignored) == 0 && strcmp(full, has) == 0;
}

int oci_layout_load(const struct load *load, struct err *err)
{
	_cleanup_(manifest_clear) struct manifest index = MANIFEST_EMPTY;
	int r = read_index(load->bundle, &index, err);

	for (size_t i = 0; r == 0 && i < index.count; i++) {
		const struct descriptor *d = &index.items[i];

		if (!descriptor_is_index(d) &&
		    (!descriptor_is_manifest(d) ||
		     descriptor_fits(d, "linux", architecture_here()) == 0))
			continue; /* another platform's, an attestation, an artifact */
		if (load->only && !is_wanted(d, load->only))
			continue;
		r = load_descriptor(load, d, err);
	}
	if (r == 0 && load->outcome->image_count == 0)
		r = load->only ? err_set(err, ENOENT, "it has no image %s", load->only) :
				 no_platform(err);
	return r;
}

/* A manifest of another platform may be listed and not be there, and an attestation is no manifest of an image. */
static int manifest_knows(const struct bundle *bundle, const struct descriptor *d, bool deeper,
			  const char *config_digest, struct buf *ret_manifest, struct err *err)
{
	_cleanup_free_ char *name = blob_name(d->digest);
	_cleanup_(manifest_clear) struct manifest m = MANIFEST_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	bool index = descriptor_is_index(d);
	int r;

	if ((!index && !descriptor_is_manifest(d)) || (index && !deeper) ||
	    !bundle_has(bundle, name))
		return 0;
	r = read_manifest(bundle, d, &bytes, &m, err);
	if (r == -EBADMSG) {
		err_clear(err); /* what cannot be read does not know it */
		return 0;
	}
	if (r < 0)
		return r;
	if (!m.is_index && strcmp(m.config.digest, config_digest) == 0) {
		*ret_manifest = bytes;
		bytes = BUF_EMPTY;
		return 1;
	}
	if (!m.is_index)
		return 0;
	for (size_t i = 0; r == 0 && i < m.count && deeper; i++)
		r = manifest_knows(bundle, &m.items[i], false, config_digest, ret_manifest, err);
	return r;
}

int oci_layout_knows(const struct bundle *bundle, const char *config_digest,
		     struct buf *ret_manifest, struct err *err)
{
	_cleanup_(manifest_clear) struct manifest index = MANIFEST_EMPTY;
	int r = read_index(bundle, &index, err);

	for (size_t i = 0; r == 0 && i < index.count; i++)
		r = manifest_knows(bundle, &index.items[i], true, config_digest, ret_manifest, err);
	return r;
}
