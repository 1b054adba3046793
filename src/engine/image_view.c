/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image_view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/str.h"
#include "engine/engine.h"
#include "state/store.h"

int image_view_layer(struct engine *engine, const char *diff_id)
{
	_cleanup_free_ char *path =
		str_printf("layers/%s", str_prefix(diff_id, "sha256:") ? diff_id + 7 : diff_id);

	if (strcmp(diff_id, IMAGE_VIEW_HOST) == 0)
		return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return openat(engine->root, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int image_view_open(struct engine *engine, const struct image_row *image, const char *const *paths)
{
	for (size_t i = strv_length(image->layers); i-- > 0;) {
		_cleanup_close_ int layer = image_view_layer(engine, image->layers[i]);

		for (size_t k = 0; layer >= 0 && paths[k]; k++) {
			struct err ignored = ERR_NONE;
			int fd = root_open(layer, paths[k], O_RDONLY | O_NONBLOCK | O_NOCTTY,
					   &ignored);

			if (fd >= 0 && fd_is_regular(fd))
				return fd;
			fd_close(fd);
		}
	}
	return -ENOENT;
}

void image_view_text(struct engine *engine, const struct image_row *image, const char *path,
		     size_t limit_bytes, struct buf *out)
{
	const char *const paths[] = { path, NULL };
	_cleanup_close_ int fd = image_view_open(engine, image, paths);

	if (fd < 0 || fd_read_all(fd, limit_bytes, out) < 0)
		out->length = 0;
	buf_puts(out, "");
}
