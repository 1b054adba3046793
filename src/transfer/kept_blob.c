/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/kept_blob.h"

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
#include "image/manifest.h"
#include "image/sha256.h"
#include "image/work.h"
#include "transfer/decompress.h"
#include "transfer/outcome.h"
#include "transfer/stored_blob.h"

enum { PIECE = 256 * 1024 };

static const char plain_type[] = "application/vnd.oci.image.layer.v1.tar",
		  gzip_type[] = "application/vnd.oci.image.layer.v1.tar+gzip",
		  zstd_type[] = "application/vnd.oci.image.layer.v1.tar+zstd";

const char *kept_blob_type(int fd, uint64_t offset)
{
	unsigned char magic[DECOMPRESS_MAGIC] = { 0 };

	if (pread(fd, magic, sizeof(magic), (off_t)offset) < 0)
		return NULL;
	switch (decompress_kind(magic)) {
	case DECOMPRESS_PLAIN:
		return plain_type;
	case DECOMPRESS_GZIP:
		return gzip_type;
	case DECOMPRESS_ZSTD:
		return zstd_type;
	case DECOMPRESS_OTHER:
		break;
	}
	return NULL;
}

void kept_blob_of(const struct descriptor *d, struct kept_blob *ret_blob)
{
	const char *kind = d->media_type ? d->media_type : "";

	*ret_blob = (struct kept_blob){ .size_bytes = d->size_bytes,
					.type = str_suffix(kind, "zstd") ? zstd_type :
						str_suffix(kind, "gzip") ? gzip_type :
									   plain_type };
	(void)str_append(ret_blob->digest, sizeof(ret_blob->digest), d->digest);
}

bool kept_blob_is_plain(const struct kept_blob *blob)
{
	return blob->type && strcmp(blob->type, plain_type) == 0;
}

static int copy(int from, int to, struct err *err)
{
	_cleanup_free_ char *piece = NULL;
	bool kernel = true;

	if (lseek(from, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "read the archive");
	for (;;) {
		ssize_t n = kernel ? copy_file_range(from, NULL, to, NULL, 1U << 30, 0) : -1;
		int r = 0;

		if (n < 0) { /* of another file system, perhaps */
			kernel = false;
			if (!piece)
				piece = mem_new(PIECE);
			n = read(from, piece, PIECE);
			if (n < 0 && errno == EINTR)
				continue;
			r = n > 0 ? fd_write_all(to, piece, (size_t)n) : (int)n;
		}
		if (n < 0 || r < 0)
			return err_sys(err, r < 0 ? r : errno, "copy the archive");
		if (n == 0)
			return 0;
	}
}

int kept_blob_add(const struct work *work, int fd, const char *digest, const char *from,
		  struct outcome *outcome, struct kept_blob *ret_blob, struct err *err)
{
	struct kept_blob blob = { .type = kept_blob_type(fd, 0) };
	_cleanup_free_ char *path = NULL;
	struct stat st;
	uint64_t size;
	int r = 0;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat the archive");
	blob.size_bytes = (uint64_t)st.st_size;
	if (digest)
		(void)str_append(blob.digest, sizeof(blob.digest), digest);
	else
		r = sha256_of_file(fd, blob.digest, &size, err);
	if (r < 0)
		return r;
	*ret_blob = blob;
	if (outcome_has_file(outcome, blob.digest) || stored_blob_there(work->root, blob.digest))
		return 0;
	if (from) {
		outcome_add_file(outcome, blob.digest, from);
		return 0;
	}
	path = str_printf("blob-%s", digest_hex(blob.digest));
	{
		_cleanup_close_ int to =
			openat(work->dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		if (to < 0)
			return err_sys(err, errno, "make %s", path);
		r = copy(fd, to, err);
	}
	if (r == 0)
		outcome_add_file(outcome, blob.digest, path);
	return r;
}

static json_t *descriptor(const char *type, const char *digest, uint64_t size)
{
	json_t *d = json_object();

	json_put(d, "mediaType", json_text(type));
	json_put(d, "digest", json_text(digest));
	json_put(d, "size", json_integer((json_int_t)size));
	return d;
}

void kept_blob_manifest(struct outcome_image *image, const struct kept_blob *blobs, size_t count)
{
	_cleanup_json_ json_t *manifest = json_object();
	json_t *layers = json_array();

	json_put(manifest, "schemaVersion", json_integer(2));
	json_put(manifest, "mediaType", json_text("application/vnd.oci.image.manifest.v1+json"));
	json_put(manifest, "config",
		 descriptor("application/vnd.oci.image.config.v1+json", image->id,
			    image->config.raw_length));
	json_put(manifest, "layers", layers);
	for (size_t i = 0; i < count; i++) {
		if (!blobs[i].type)
			return;
		json_push(layers, descriptor(blobs[i].type, blobs[i].digest, blobs[i].size_bytes));
	}
	image->manifest = json_dumps(manifest, JSON_COMPACT);
	if (!image->manifest)
		abort();
	image->manifest_length = strlen(image->manifest);
	image->manifest_made = true;
	sha256_of(image->manifest, image->manifest_length, image->manifest_digest);
}
