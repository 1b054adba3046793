/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/document.h"
#include "image/image_config.h"

enum { INDEX_MAX = 10000, WORD_MAX = 4096, URLS_MAX = 16 };

static const char *const index_types[] = {
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	NULL,
};
static const char *const manifest_types[] = {
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	NULL,
};
static const char *const config_types[] = {
	"application/vnd.oci.image.config.v1+json",
	"application/vnd.docker.container.image.v1+json",
	NULL,
};

static bool type_in(const char *type, const char *const *list)
{
	while (*list && strcmp(*list, type) != 0)
		list++;
	return *list != NULL;
}

/* A layer is a tar by whatever compression; "+encrypted" and unknown things are not. */
static bool is_layer_type(const char *type)
{
	return (str_prefix(type, "application/vnd.oci.image.layer.") ||
		str_prefix(type, "application/vnd.docker.image.rootfs.")) &&
	       strstr(type, ".tar") && !strstr(type, "encrypted");
}

static void descriptor_clear(struct descriptor *d)
{
	free(d->media_type);
	free(d->digest);
	free(d->os);
	free(d->architecture);
	free(d->variant);
	free(d->name);
	free(d->ref_name);
	strv_clear(d->urls);
}

/* Keys with dots in them are no paths. */
static char *annotation(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json_at(json, "annotations"), key));

	return text && strlen(text) <= WORD_MAX ? str_dup(text) : NULL;
}

static int descriptor_read(const json_t *json, struct descriptor *d, struct err *err)
{
	int r;

	if (!json_is_object(json))
		return err_set(err, EBADMSG, "a descriptor is not an object");
	r = document_string(json, "mediaType", WORD_MAX, &d->media_type, err);
	if (r == 0)
		r = document_string(json, "digest", WORD_MAX, &d->digest, err);
	if (r == 0)
		r = document_size(json, "size", &d->size_bytes, err);
	if (r == 0)
		r = document_string(json, "platform.os", WORD_MAX, &d->os, err);
	if (r == 0)
		r = document_string(json, "platform.architecture", WORD_MAX, &d->architecture, err);
	if (r == 0)
		r = document_string(json, "platform.variant", WORD_MAX, &d->variant, err);
	if (r == 0)
		r = document_strv(json, "urls", URLS_MAX, &d->urls, err);
	if (r < 0)
		return r;
	if (!d->digest)
		return err_set(err, EBADMSG, "a descriptor has no digest");
	r = digest_check(d->digest, err);
	if (r < 0)
		return r;
	if (!json_is_integer(json_object_get(json, "size")))
		return err_set(err, EBADMSG, "descriptor %s has no size", d->digest);
	d->name = annotation(json, "io.containerd.image.name");
	d->ref_name = annotation(json, "org.opencontainers.image.ref.name");
	return 0;
}

static int read_items(const json_t *array, struct manifest *m, struct err *err)
{
	const json_t *item;
	size_t i;
	int r;

	m->items = mem_new((json_array_size(array) + 1) * sizeof(*m->items));
	json_array_foreach(array, i, item)
	{
		struct descriptor *d = &m->items[m->count++];

		r = descriptor_read(item, d, err);
		if (r < 0)
			return r;
		if (!m->is_index && d->media_type && !is_layer_type(d->media_type))
			return err_set(err, EBADMSG, "layer %s is of type %.100s, not a tar",
				       d->digest, d->media_type);
	}
	return 0;
}

static int read_manifest(const json_t *json, struct manifest *m, struct err *err)
{
	_cleanup_free_ char *type = NULL;
	const json_t *manifests = NULL, *layers = NULL, *config = NULL;
	int r;

	if (!json_is_object(json))
		return err_set(err, EBADMSG, "it is not an object");
	if (json_integer_value(json_object_get(json, "schemaVersion")) != 2)
		return err_set(err, EBADMSG, "schemaVersion is not 2");
	r = document_string(json, "mediaType", WORD_MAX, &type, err);
	if (r == 0)
		r = document_array(json, "manifests", INDEX_MAX, &manifests, err);
	if (r == 0)
		r = document_array(json, "layers", IMAGE_LAYERS_MAX, &layers, err);
	if (r == 0)
		r = document_object(json, "config", INDEX_MAX, &config, err);
	if (r < 0)
		return r;
	/* two readers must not see two things in the same bytes (CVE-2021-41190) */
	if (manifests && (layers || config))
		return err_set(err, EBADMSG, "it is a manifest and an index at once");
	m->is_index = manifests != NULL;
	if (type && !type_in(type, m->is_index ? index_types : manifest_types))
		return err_set(err, EBADMSG, "its type %.100s does not fit what it holds", type);
	if (m->is_index)
		return read_items(manifests, m, err);
	if (!config || !layers)
		return err_set(err, EBADMSG, "it names no %s", config ? "layers" : "config");
	r = descriptor_read(config, &m->config, err);
	if (r < 0)
		return r;
	if (m->config.media_type && !type_in(m->config.media_type, config_types))
		return err_set(err, EBADMSG, "its config is of type %.100s: not an image",
			       m->config.media_type);
	return read_items(layers, m, err);
}

int manifest_parse(const char *bytes, size_t length, const char *what,
		   struct manifest *ret_manifest, struct err *err)
{
	struct manifest m = MANIFEST_EMPTY;
	_cleanup_json_ json_t *json = NULL;
	int r = document_parse(bytes, length, what, &json, err);

	if (r < 0)
		return r;
	r = read_manifest(json, &m, err);
	if (r < 0) {
		manifest_clear(&m);
		return err_wrap(err, "%s", what);
	}
	*ret_manifest = m;
	return 0;
}

void manifest_clear(struct manifest *manifest)
{
	descriptor_clear(&manifest->config);
	for (size_t i = 0; i < manifest->count; i++)
		descriptor_clear(&manifest->items[i]);
	free(manifest->items);
	*manifest = MANIFEST_EMPTY;
}

bool descriptor_is_index(const struct descriptor *descriptor)
{
	return descriptor->media_type && type_in(descriptor->media_type, index_types);
}

bool descriptor_is_manifest(const struct descriptor *descriptor)
{
	return !descriptor->media_type || type_in(descriptor->media_type, manifest_types);
}

int descriptor_fits(const struct descriptor *descriptor, const char *os, const char *architecture)
{
	const char *variant = descriptor->variant;

	if (!descriptor->os && !descriptor->architecture)
		return 1;
	if (!str_equal(descriptor->os, os) || !str_equal(descriptor->architecture, architecture))
		return 0;
	return !variant || !*variant ||
			       (strcmp(architecture, "arm64") == 0 && strcmp(variant, "v8") == 0) ?
		       3 :
		       2;
}

const struct descriptor *manifest_best(const struct manifest *index, const char *os,
				       const char *architecture, const char *variant)
{
	const struct descriptor *best = NULL;
	int best_fit = 0;

	for (size_t i = 0; i < index->count; i++) {
		const struct descriptor *d = &index->items[i];
		int fit = descriptor_is_manifest(d) ? descriptor_fits(d, os, architecture) : 0;

		if (fit > 1 && variant)
			fit = str_equal(d->variant, variant) ? 4 : 0;
		if (fit > best_fit) {
			best = d;
			best_fit = fit;
		}
	}
	return best;
}
