/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/store.h"
#include "image/work.h"
#include "transfer/extract.h"
#include "transfer/outline.h"
#include "transfer/stream.h"
#include "transfer/whiteout.h"

/* The size stands on the layer's root itself, where only we can set it (an image's trusted.* is dropped), so that a shared
 * layer is not walked again. */
static const char size_xattr[] = "trusted.cloche.size";

static int mismatch(struct err *err, const char *is)
{
	return err_set(err, EBADMSG, "its content is %s: damaged or forged", is);
}

/* It is of no use when a later entry took the place of a file, nor when somebody wrote to the archive meanwhile. */
static int make_outline(const struct layer_source *source, const struct stat *before,
			const struct extract_totals *totals, const struct buf *report,
			struct layer *layer, struct err *err)
{
	const struct outline_archive archive = { source->fd, source->offset, source->length };
	struct stat now;
	int r;

	if (source->outline < 0 || totals->replaced > 0)
		return 0;
	r = outline_write(source->outline, &archive, report, err);
	if (r < 0)
		return r;
	if (fstat(source->fd, &now) < 0)
		return err_sys(err, errno, "stat the archive");
	layer->outlined = now.st_size == before->st_size &&
			  now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
			  now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
	return 0;
}

static int unpack_into(const struct work *work, int tree, const struct layer_source *source,
		       uint64_t limit_bytes, const char *diff_id, struct layer *layer,
		       struct err *err)
{
	_cleanup_close_ int empty = dir_open_make(work->dir, "empty", 0700, err);
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	struct extract_totals totals;
	struct stream_result result;
	struct stat before;
	char size[32];
	int r;

	if (empty < 0)
		return empty;
	if (fstat(source->fd, &before) < 0)
		return err_sys(err, errno, "stat the archive");
	r = stream_unpack(&(struct stream_plan){ .fd = source->fd,
						 .offset = source->offset,
						 .length = source->length,
						 .empty = empty,
						 .folder = tree,
						 .run = source->outline < 0 ? extract_run :
									      extract_placed_run,
						 .limit_bytes = limit_bytes,
						 .disk = work->out },
			  &result, &report, err);
	if (result.whole && diff_id && strcmp(result.digest, diff_id) != 0)
		return mismatch(err, result.digest);
	if (r < 0)
		return r;
	if (!result.whole) /* a reader that was content before the end is no reader of ours */
		return err_set(err, EBADMSG, "it was not read to its end");
	if (!diff_id && result.zeros < 512)
		return err_set(err, EBADMSG, "the tar archive is cut short: it has no end mark");
	r = extract_totals_read(&report, &totals, err);
	if (r == 0)
		r = whiteout_apply(tree, &report, &layer->opaque_root, err);
	if (r == 0)
		r = make_outline(source, &before, &totals, &report, layer, err);
	if (r < 0)
		return r;
	layer->size_bytes = totals.size_bytes;
	layer->skipped_devices = totals.skipped_devices;
	memcpy(layer->diff_id, result.digest, sizeof(layer->diff_id));
	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)totals.size_bytes);
	if (fsetxattr(tree, size_xattr, size, strlen(size), 0) < 0)
		return err_sys(err, errno, "note the layer's size");
	return 0;
}

int layer_unpack(const struct work *work, const struct layer_source *source, const char *diff_id,
		 uint64_t limit_bytes, struct layer *ret_layer, struct err *err)
{
	struct layer layer = { 0 };
	_cleanup_close_ int tree = -1;
	int r;

	(void)snprintf(layer.folder, sizeof(layer.folder), "layer-%s",
		       diff_id ? digest_hex(diff_id) : "import");
	tree = dir_open_make(work->dir, layer.folder, 0755, err);
	if (tree < 0)
		return tree;
	r = unpack_into(work, tree, source, limit_bytes, diff_id, &layer, err);
	if (r < 0)
		return r;
	*ret_layer = layer;
	return 0;
}

int layer_find(int root, const char *diff_id, struct layer *ret_layer, struct err *err)
{
	_cleanup_free_ char *path = str_printf("layers/%s", digest_hex(diff_id));
	_cleanup_close_ int tree = -1;
	struct layer layer = { 0 };
	char size[32] = "";
	int r = layer_exists(root, diff_id, err);

	if (r <= 0)
		return r;
	tree = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0)
		return err_sys(err, errno, "open layer %s", diff_id);
	memcpy(layer.diff_id, diff_id, sizeof(layer.diff_id));
	/* without the note the size is unknown: 0 */
	if (fgetxattr(tree, size_xattr, size, sizeof(size) - 1) > 0)
		(void)str_to_u64(size, INT64_MAX, &layer.size_bytes);
	layer.opaque_root = whiteout_opaque_root(tree);
	*ret_layer = layer;
	return 1;
}
