/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "transfer/outline.h"
#include "transfer/stored_blob.h"
#include "transfer/tar_writer.h"

struct save {
	int root, out;
	char **written;	  /* digests */
	json_t *docker;	  /* manifest.json */
	json_t *index;	  /* index.json's manifests */
	const char *word; /* org.opencontainers.image.ref.name of an image without a name; or NULL */
};

int stored_image_parse(const char *text, struct stored_image *ret_image, struct err *err)
{
	_cleanup_strv_ char **parts = strv_split(text, '|');
	struct stored_image image = { 0 };

	if (!digest_valid(parts[0])) {
		err_set(err, ENOENT, "its manifest is not in the store");
		return err_hint(err, "it came from an older Cloche: pull or load it again");
	}
	image.manifest = str_dup(parts[0]);
	for (size_t i = 1; parts[i]; i++)
		strv_add(&image.names, parts[i]);
	*ret_image = image;
	return 0;
}

void stored_image_clear(struct stored_image *image)
{
	free(image->manifest);
	strv_clear(image->names);
	*image = (struct stored_image){ 0 };
}

struct sending {
	int out;
	const char *name;
	uint64_t size;
};

static int send_head(void *data, uint64_t size, struct err *err)
{
	struct sending *sending = data;

	sending->size = size;
	return tar_write_head(sending->out, sending->name, size, err);
}

/* What is kept by its outline goes out as it is built. */
static int send_built(const struct save *save, const char *name, const char *digest,
		      struct err *err)
{
	struct sending sending = { .out = save->out, .name = name };
	int r = outline_send(save->root, digest, send_head, &sending, save->out, err);

	return r < 0 ? r : tar_write_pad(save->out, sending.size, err);
}

static int send_file(const struct save *save, const char *name, const char *digest, struct err *err)
{
	uint64_t size;
	_cleanup_close_ int fd = stored_blob_open(save->root, digest, &size, err);

	return fd < 0 ? fd : tar_write_file(save->out, name, fd, size, err);
}

/* Once in an archive, whatever needs it. */
static int write_blob(struct save *save, const char *digest, struct err *err)
{
	_cleanup_free_ char *name = str_printf("blobs/sha256/%s", digest_hex(digest));
	int r;

	for (size_t i = 0; save->written && save->written[i]; i++)
		if (strcmp(save->written[i], digest) == 0)
			return 0;
	r = faccessat(save->root, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
			    outline_there(save->root, digest) ?
		    send_built(save, name, digest, err) :
		    send_file(save, name, digest, err);
	if (r == 0)
		strv_add(&save->written, digest);
	return r;
}

static void list_for_docker(struct save *save, const struct manifest *manifest, char *const *names)
{
	json_t *image = json_object(), *tags = json_array(), *layers = json_array();

	for (; names && *names; names++) {
		struct reference reference = REFERENCE_EMPTY;
		struct err ignored = ERR_NONE;

		if (reference_parse(*names, &reference, &ignored) == 0) {
			_cleanup_free_ char *familiar = reference_familiar(&reference);

			json_push(tags, json_text(familiar));
		}
		reference_clear(&reference);
	}
	for (size_t i = 0; i < manifest->count; i++) {
		_cleanup_free_ char *name =
			str_printf("blobs/sha256/%s", digest_hex(manifest->items[i].digest));

		json_push(layers, json_text(name));
	}
	{
		_cleanup_free_ char *config =
			str_printf("blobs/sha256/%s", digest_hex(manifest->config.digest));

		json_put(image, "Config", json_text(config));
	}
	json_put(image, "RepoTags", tags);
	json_put(image, "Layers", layers);
	json_push(save->docker, image);
}

static void list_for_oci(struct save *save, const char *digest, const char *type, size_t size,
			 const char *name)
{
	json_t *d = json_object();

	json_put(d, "mediaType", json_text(type));
	json_put(d, "digest", json_text(digest));
	json_put(d, "size", json_integer((json_int_t)size));
	if (name) {
		json_t *annotations = json_object();
		const char *colon = strrchr(name, ':');

		json_put(annotations, "io.containerd.image.name", json_text(name));
		json_put(annotations, "org.opencontainers.image.ref.name",
			 json_text(colon ? colon + 1 : name));
		json_put(d, "annotations", annotations);
	}
	json_push(save->index, d);
}

/* The image's last entry in index.json gets a name that is none of Docker's. */
static void put_word(struct save *save)
{
	json_t *d = json_array_get(save->index, json_array_size(save->index) - 1),
	       *annotations = json_object();

	json_put(annotations, "org.opencontainers.image.ref.name", json_text(save->word));
	json_put(d, "annotations", annotations);
}

static void rename_image(struct save *save, struct stored_image *image, const char *as)
{
	char *full = NULL;
	struct err ignored = ERR_NONE;

	strv_clear(image->names);
	image->names = NULL;
	if (strpbrk(as, "/:") && reference_normalize(as, &full, &ignored) == 0)
		strv_add_take(&image->names, full);
	else
		save->word = as;
}

static int save_one(struct save *save, const struct stored_image *image, struct err *err)
{
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_free_ char *type = NULL;
	int r = stored_manifest_read(save->root, image->manifest, &bytes, &manifest, &type, err);

	if (r == 0)
		r = write_blob(save, image->manifest, err);
	if (r == 0)
		r = write_blob(save, manifest.config.digest, err);
	for (size_t i = 0; r == 0 && i < manifest.count; i++)
		r = write_blob(save, manifest.items[i].digest, err);
	if (r < 0)
		return r;
	list_for_docker(save, &manifest, image->names);
	for (size_t i = 0; image->names && image->names[i]; i++)
		list_for_oci(save, image->manifest, type, bytes.length, image->names[i]);
	if (!image->names)
		list_for_oci(save, image->manifest, type, bytes.length, NULL);
	if (!image->names && save->word)
		put_word(save);
	return 0;
}

static int write_json(struct save *save, const char *name, json_t *json, struct err *err)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	return text ? tar_write_bytes(save->out, name, text, strlen(text), err) :
		      err_set(err, ENOMEM, "write %s", name);
}

static int write_lists(struct save *save, struct err *err)
{
	json_t *index = json_object(), *layout = json_object();
	int r;

	json_put(layout, "imageLayoutVersion", json_text("1.0.0"));
	json_put(index, "schemaVersion", json_integer(2));
	json_put(index, "mediaType", json_text("application/vnd.oci.image.index.v1+json"));
	json_put(index, "manifests", json_incref(save->index));
	r = write_json(save, "oci-layout", layout, err);
	if (r == 0)
		r = write_json(save, "index.json", index, err);
	else
		json_decref(index);
	if (r == 0)
		r = write_json(save, "manifest.json", json_incref(save->docker), err);
	return r < 0 ? r : tar_write_end(save->out, err);
}

int save_images(int root, char *const *images, const char *as, int out, struct err *err)
{
	struct save save = { .root = root,
			     .out = out,
			     .docker = json_array(),
			     .index = json_array() };
	int r = 0;

	for (; r == 0 && *images; images++) {
		struct stored_image image = { 0 };

		r = stored_image_parse(*images, &image, err);
		if (r == 0 && as)
			rename_image(&save, &image, as);
		if (r == 0)
			r = save_one(&save, &image, err);
		stored_image_clear(&image);
	}
	if (r == 0)
		r = write_lists(&save, err);
	json_decref(save.docker);
	json_decref(save.index);
	strv_clear(save.written);
	return r;
}
