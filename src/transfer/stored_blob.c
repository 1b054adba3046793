/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/stored_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/document.h"
#include "image/manifest.h"
#include "transfer/outline.h"

bool stored_blob_there(int root, const char *digest)
{
	_cleanup_free_ char *path = str_printf("blobs/sha256/%s", digest_hex(digest));

	return faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || outline_there(root, digest);
}

int stored_blob_open(int root, const char *digest, uint64_t *ret_size, struct err *err)
{
	_cleanup_free_ char *path = str_printf("blobs/sha256/%s", digest_hex(digest));
	_cleanup_close_ int fd = openat(root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		int built = outline_rebuild(root, digest, ret_size, err);

		if (built != -ENOENT)
			return built;
		err_set(err, ENOENT, "the archive of %s is not in the store", digest);
		return err_hint(err, "remove the image, then pull or load it again");
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open blob %s", digest);
	*ret_size = (uint64_t)st.st_size;
	return fd_take(&fd);
}

int stored_manifest_read(int root, const char *digest, struct buf *bytes,
			 struct manifest *ret_manifest, char **ret_type, struct err *err)
{
	uint64_t size;
	_cleanup_close_ int fd = stored_blob_open(root, digest, &size, err);
	_cleanup_json_ json_t *json = NULL;
	int r = fd < 0 ? fd : fd_read_all(fd, DOCUMENT_SIZE, bytes);

	if (fd < 0)
		return fd;
	if (r < 0)
		return err_sys(err, r, "read manifest %s", digest);
	r = manifest_parse(bytes->data, bytes->length, "manifest", ret_manifest, err);
	if (r == 0)
		r = document_parse(bytes->data, bytes->length, "manifest", &json, err);
	if (r == 0)
		r = document_string(json, "mediaType", 255, ret_type, err);
	if (r == 0 && !*ret_type)
		*ret_type = str_dup("application/vnd.oci.image.manifest.v1+json");
	return r;
}
