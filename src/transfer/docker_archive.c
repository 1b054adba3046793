/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/docker_archive.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/document.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "image/sha256.h"
#include "transfer/bundle.h"
#include "transfer/load_image.h"
#include "transfer/oci_layout.h"
#include "transfer/outcome.h"
#include "transfer/tar_reader.h"

enum { IMAGES_MAX = 10000, TAGS_MAX = 10000 };

/* A file's name tells its digest: blobs/sha256/HEX, and of configs HEX.json. */
static char *digest_in_name(const char *name)
{
	static const char blobs[] = "blobs/sha256/";
	_cleanup_free_ char *hex = str_dup(str_prefix(name, blobs) ? name + strlen(blobs) : name);
	bool named = str_prefix(name, blobs);

	if (!named && str_suffix(hex, ".json")) {
		hex[strlen(hex) - strlen(".json")] = '\0';
		named = true;
	}
	return named && digest_hex_valid(hex) ? str_printf("sha256:%s", hex) : NULL;
}

/* The key of a file; what cannot be one is refused here, with the name as it stands in manifest.json. */
static int read_part(const char *raw, struct part *part, struct err *err)
{
	char name[PATH_MAX];

	if (*raw == '/' || tar_name_clean(raw, name, err) < 0 || !*name)
		return err_set(err, EINVAL, "\"%.400s\" is outside of the archive", raw);
	*part = (struct part){ .name = str_dup(name), .digest = digest_in_name(name) };
	return 0;
}

static int read_names(const json_t *json, char ***ret_names, struct err *err)
{
	_cleanup_strv_ char **tags = NULL, **names = NULL;
	int r = document_strv(json, "RepoTags", TAGS_MAX, &tags, err);

	for (size_t i = 0; r == 0 && tags && tags[i]; i++) {
		_cleanup_free_ char *full = NULL;

		r = reference_normalize(tags[i], &full, err);
		if (r < 0)
			return err_wrap(err, "image name \"%.300s\"", tags[i]);
		if (!strchr(full, '@'))
			strv_add(&names, full);
	}
	if (r == 0)
		*ret_names = ptr_take(&names);
	return r;
}

static int read_image(const json_t *json, struct image_parts *parts, struct err *err)
{
	_cleanup_free_ char *config = NULL;
	_cleanup_strv_ char **layers = NULL;
	int r;

	if (!json_is_object(json))
		return err_set(err, EBADMSG, "manifest.json: an image is not an object");
	r = document_string(json, "Config", PATH_MAX, &config, err);
	if (r == 0 && !config)
		r = err_set(err, EBADMSG, "an image has no Config");
	if (r == 0)
		r = document_strv(json, "Layers", IMAGE_LAYERS_MAX, &layers, err);
	if (r == 0)
		r = read_names(json, &parts->names, err);
	if (r == 0 && config)
		r = read_part(config, &parts->config, err);
	parts->layers = mem_new((strv_length(layers) + 1) * sizeof(*parts->layers));
	for (size_t i = 0; r == 0 && layers && layers[i]; i++) {
		r = read_part(layers[i], &parts->layers[i], err);
		if (r == 0)
			parts->layer_count++;
	}
	return r < 0 ? err_wrap(err, "manifest.json") : 0;
}

/* The manifest that the image had, when it is of the archives that came: so that its digest stays. */
static void take_manifest(struct outcome_image *image, struct buf *bytes)
{
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	struct err ignored = ERR_NONE;

	if (manifest_parse(bytes->data, bytes->length, "manifest", &manifest, &ignored) < 0 ||
	    manifest.count != image->blob_count)
		return;
	for (size_t i = 0; i < manifest.count; i++)
		if (strcmp(manifest.items[i].digest, image->blobs[i].digest) != 0)
			return;
	free(image->manifest);
	sha256_of(bytes->data, bytes->length, image->manifest_digest);
	image->manifest_length = bytes->length;
	image->manifest = ptr_take(&bytes->data);
	image->manifest_made = false;
}

/* Two lists in one archive must tell one story: a scanner may have read the other one. */
static int check_index(const struct load *load, struct outcome_image *image, struct err *err)
{
	_cleanup_(buf_clear) struct buf manifest = BUF_EMPTY;
	int r = bundle_has(load->bundle, "index.json") ?
			oci_layout_knows(load->bundle, image->id, &manifest, err) :
			1;

	if (r == 0)
		return err_set(err, EBADMSG,
			       "manifest.json has image %s, which index.json does not have",
			       image->id);
	if (r > 0 && manifest.data)
		take_manifest(image, &manifest);
	return r < 0 ? r : 0;
}

/* A name, or "@N": the N-th of the archive, as skopeo has it. */
static bool is_wanted(const struct image_parts *parts, size_t number, const char *only)
{
	_cleanup_free_ char *full = NULL, *index = str_printf("@%zu", number);
	struct err ignored = ERR_NONE;

	if (strcmp(only, index) == 0)
		return true;
	if (reference_normalize(only, &full, &ignored) < 0)
		return false;
	for (size_t i = 0; parts->names && parts->names[i]; i++)
		if (strcmp(parts->names[i], full) == 0)
			return true;
	return false;
}

int docker_archive_load(const struct load *load, struct err *err)
{
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_json_ json_t *json = NULL;
	const json_t *image;
	size_t i;
	int r = bundle_read(load->bundle, "manifest.json", DOCUMENT_SIZE, &bytes, err);

	if (r == 0)
		r = document_parse(bytes.data, bytes.length, "manifest.json", &json, err);
	if (r < 0)
		return r;
	if (!json_is_array(json) || json_array_size(json) == 0 ||
	    json_array_size(json) > IMAGES_MAX)
		return err_set(err, EBADMSG, "manifest.json is not a list of 1 to %d images",
			       IMAGES_MAX);
	json_array_foreach(json, i, image)
	{
		_cleanup_(image_parts_clear) struct image_parts parts = IMAGE_PARTS_EMPTY;

		r = read_image(image, &parts, err);
		if (r == 0 && load->only && !is_wanted(&parts, i, load->only))
			continue;
		if (r == 0)
			r = load_image(load, &parts, err);
		if (r == 0)
			r = check_index(
				load, &load->outcome->images[load->outcome->image_count - 1], err);
		if (r < 0)
			return r;
	}
	return load->outcome->image_count > 0 ?
		       0 :
		       err_set(err, ENOENT, "it has no image %s", load->only);
}
