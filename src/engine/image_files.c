/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/trash.h"
#include "image/digest.h"
#include "state/store.h"

static const char layers_folder[] = "layers", blobs_folder[] = "blobs/sha256",
		  outlines_folder[] = "outlines";

int image_files_hold(struct engine *engine, struct err *err)
{
	_cleanup_close_ int fd = dir_open_make(engine->root, layers_folder, 0700, err);

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_SH) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "lock the folder of layers");
	return fd_take(&fd);
}

static bool listed(char *const *digests, const char *hex)
{
	for (; digests && *digests; digests++)
		if (str_prefix(*digests, "sha256:") &&
		    strcmp(*digests + strlen("sha256:"), hex) == 0)
			return true;
	return false;
}

/* A layer whose archive is kept as its outline (transfer/outline.h) is the rest of that archive: it stays as long as an image has the
 * archive, also where another layer of that image hides it. */
static void outlined_add(struct engine *engine, char *const *blobs, char ***layers)
{
	for (; blobs && *blobs; blobs++) {
		_cleanup_free_ char *path =
			str_printf("%s/%s", outlines_folder, digest_hex(*blobs));

		if (faccessat(engine->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			strv_add(layers, *blobs);
	}
}

/* Other names than digests are not ours to judge. */
static int sweep_folder(struct engine *engine, const char *folder, char *const *known, bool remove,
			char ***found, struct err *err)
{
	int fd = openat(engine->root, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int r = 0;

	if (!d) {
		fd_close(fd);
		return 0; /* no image has come yet */
	}
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (!digest_hex_valid(e->d_name) || listed(known, e->d_name))
			continue;
		strv_add_take(found, str_printf("%s/%s", folder, e->d_name));
		if (remove)
			r = trash_put(engine, folder, e->d_name, err);
	}
	(void)closedir(d);
	return r;
}

int image_files_sweep(struct engine *engine, bool remove, char ***ret_found, struct err *err)
{
	_cleanup_close_ int lock = openat(engine->root, layers_folder,
					  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_strv_ char **layers = NULL, **blobs = NULL, **found = NULL;
	struct store *store;
	int r;

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return 0;
	/* read under the lock: every file that came has its row by now, or never gets one */
	store = engine_store(engine, err);
	r = store ? layer_list(store, &layers, err) : -err->code;
	if (r == 0)
		r = blob_list(store, &blobs, err);
	if (r == 0)
		outlined_add(engine, blobs, &layers);
	if (r == 0)
		r = sweep_folder(engine, layers_folder, layers, remove, &found, err);
	if (r == 0)
		r = sweep_folder(engine, blobs_folder, blobs, remove, &found, err);
	if (r == 0)
		r = sweep_folder(engine, outlines_folder, blobs, remove, &found, err);
	if (r == 0)
		*ret_found = ptr_take(&found);
	return r;
}
