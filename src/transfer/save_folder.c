/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/save_folder.h"

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
#include "image/document.h"
#include "image/manifest.h"
#include "transfer/save.h"
#include "transfer/stored_blob.h"

enum { PIECE = 256 * 1024 };

static const char ref_key[] = "org.opencontainers.image.ref.name";

static int open_folder(const char *path, struct err *err)
{
	int fd;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "open %s", path) : fd;
}

/* By way of NAME.part, so that a name is whole or not there. */
static int copy_blob(int root, const char *digest, int folder, const char *name, struct err *err)
{
	_cleanup_free_ char *part = str_printf("%s.part", name), *piece = mem_new(PIECE);
	uint64_t size;
	_cleanup_close_ int from = stored_blob_open(root, digest, &size, err), to = -1;
	ssize_t n;

	if (from < 0)
		return from;
	if (faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	to = openat(folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (to < 0)
		return err_sys(err, errno, "make %s", part);
	do
		n = copy_file_range(from, NULL, to, NULL, 1U << 30, 0);
	while (n > 0);
	while ((n = read(from, piece, PIECE)) > 0) { /* what the kernel did not copy */
		int r = fd_write_all(to, piece, (size_t)n);

		if (r < 0)
			return err_sys(err, r, "write %s", part);
	}
	if (n < 0)
		return err_sys(err, errno, "read blob %s", digest);
	return renameat(folder, part, folder, name) < 0 ? err_sys(err, errno, "write %s", name) : 0;
}

static int put_text(int folder, const char *name, const char *text, size_t length, struct err *err)
{
	return file_replace(folder, name, text, length, 0644, false, err);
}

static int read_stored(int root, const char *words, struct stored_image *image, struct buf *bytes,
		       struct manifest *manifest, char **type, struct err *err)
{
	int r = stored_image_parse(words, image, err);

	return r < 0 ? r : stored_manifest_read(root, image->manifest, bytes, manifest, type, err);
}

/* -- oci: ------------------------------------------------------------------------------------- */

/* The layout's list without what had the name before; a new one when there is none. */
static int read_index(int folder, const char *name, const char *digest, json_t **ret_index,
		      struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	json_t *index = NULL, *manifests;
	int r = file_read(folder, "index.json", DOCUMENT_SIZE, &text);

	if (r < 0 && r != -ENOENT)
		return err_sys(err, r, "read index.json");
	if (r == 0)
		r = document_parse(text.data ? text.data : "", text.length, "index.json", &index,
				   err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (!index) {
		index = json_object();
		json_put(index, "schemaVersion", json_integer(2));
		json_put(index, "manifests", json_array());
	}
	manifests = json_object_get(index, "manifests");
	if (!json_is_array(manifests)) {
		json_decref(index);
		return err_set(err, EBADMSG, "index.json lists no manifests");
	}
	for (size_t i = json_array_size(manifests); i-- > 0;) {
		const json_t *one = json_array_get(manifests, i);
		const char *has = json_string_value(
			json_object_get(json_object_get(one, "annotations"), ref_key));

		if (name ? str_equal(has, name) :
			   !has && strcmp(json_string_at(one, "digest", ""), digest) == 0)
			(void)json_array_remove(manifests, i);
	}
	*ret_index = index;
	return 0;
}

static int write_index(int folder, const struct stored_image *image, const char *type, size_t size,
		       const char *name, struct err *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	_cleanup_json_ json_t *index = NULL;
	_cleanup_free_ char *text = NULL;
	json_t *d = json_object();
	int r = read_index(folder, name, image->manifest, &index, err);

	json_put(d, "mediaType", json_text(type));
	json_put(d, "digest", json_text(image->manifest));
	json_put(d, "size", json_integer((json_int_t)size));
	if (name) {
		json_t *annotations = json_object();

		json_put(annotations, ref_key, json_text(name));
		json_put(d, "annotations", annotations);
	}
	if (r < 0) {
		json_decref(d);
		return r;
	}
	json_push(json_object_get(index, "manifests"), d);
	text = json_dumps(index, JSON_COMPACT);
	if (!text)
		return err_set(err, ENOMEM, "write index.json");
	r = put_text(folder, "oci-layout", layout, strlen(layout), err);
	return r < 0 ? r : put_text(folder, "index.json", text, strlen(text), err);
}

int save_to_oci(int root, const char *words, const char *path, const char *name, struct err *err)
{
	_cleanup_(stored_image_clear) struct stored_image image = { 0 };
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_free_ char *type = NULL;
	_cleanup_close_ int folder = -1, blobs = -1, hashes = -1;
	int r = read_stored(root, words, &image, &bytes, &manifest, &type, err);

	if (r < 0)
		return r;
	folder = open_folder(path, err);
	blobs = folder < 0 ? -1 : dir_open_make(folder, "blobs", 0755, err);
	hashes = blobs < 0 ? -1 : dir_open_make(blobs, "sha256", 0755, err);
	if (hashes < 0)
		return -err->code;
	for (size_t i = 0; r == 0 && i < manifest.count; i++)
		r = copy_blob(root, manifest.items[i].digest, hashes,
			      digest_hex(manifest.items[i].digest), err);
	if (r == 0)
		r = copy_blob(root, manifest.config.digest, hashes,
			      digest_hex(manifest.config.digest), err);
	if (r == 0)
		r = copy_blob(root, image.manifest, hashes, digest_hex(image.manifest), err);
	return r == 0 ? write_index(folder, &image, type, bytes.length, name, err) : r;
}

/* -- dir: ------------------------------------------------------------------------------------- */

int save_to_dir(int root, const char *words, const char *path, struct err *err)
{
	static const char version[] = "Directory Transport Version: 1.1\n";
	_cleanup_(stored_image_clear) struct stored_image image = { 0 };
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_free_ char *type = NULL;
	_cleanup_close_ int folder = -1;
	int r = read_stored(root, words, &image, &bytes, &manifest, &type, err);

	if (r < 0)
		return r;
	folder = open_folder(path, err);
	if (folder < 0)
		return folder;
	for (size_t i = 0; r == 0 && i < manifest.count; i++)
		r = copy_blob(root, manifest.items[i].digest, folder,
			      digest_hex(manifest.items[i].digest), err);
	if (r == 0)
		r = copy_blob(root, manifest.config.digest, folder,
			      digest_hex(manifest.config.digest), err);
	if (r == 0)
		r = put_text(folder, "version", version, strlen(version), err);
	return r == 0 ? put_text(folder, "manifest.json", bytes.data, bytes.length, err) : r;
}
