/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/disk_use.h"

#include <dirent.h>
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
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/record.h"
#include "engine/status.h"
#include "state/store.h"

/* Deeper trees than this are not made by people; what lies below is not counted. */
enum { DEPTH_MAX = 4096 };

struct count {
	dev_t device; /* a mount below belongs to somebody else */
	int64_t bytes;
	ino_t *linked; /* files with several names, seen already */
	size_t linked_count, room;
};

static bool seen(struct count *count, ino_t inode)
{
	for (size_t i = 0; i < count->linked_count; i++)
		if (count->linked[i] == inode)
			return true;
	if (count->linked_count == count->room) {
		count->room = count->room ? 2 * count->room : 64;
		count->linked = reallocarray(count->linked, count->room, sizeof(ino_t));
		if (!count->linked)
			abort();
	}
	count->linked[count->linked_count++] = inode;
	return false;
}

/* Takes fd. */
static void folder_count(struct count *count, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		fd_close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_dev != count->device)
			continue;
		if (S_ISDIR(st.st_mode)) {
			int below = depth >= DEPTH_MAX ?
					    -1 :
					    openat(dirfd(dir), entry->d_name,
						   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (below >= 0)
				folder_count(count, below, depth + 1);
		} else if (st.st_nlink < 2 || !seen(count, st.st_ino)) {
			count->bytes += st.st_size;
		}
	}
	(void)closedir(dir);
}

int64_t disk_use_tree(int dir, const char *path)
{
	struct count count = { 0 };
	struct stat st;
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0) {
		count.device = st.st_dev;
		folder_count(&count, fd, 0);
	}
	free(count.linked);
	return count.bytes;
}

int64_t disk_use_container(struct engine *engine, const char *id)
{
	_cleanup_free_ char *path = str_printf("containers/%s/upper", id);
	_cleanup_free_ char *limited = str_printf("containers/%s/disk/upper", id);
	int64_t bytes = disk_use_tree(engine->root, path);

	return bytes ? bytes : disk_use_tree(engine->root, limited);
}

int64_t disk_use_volume(struct engine *engine, const char *name)
{
	_cleanup_free_ char *path = str_printf("volumes/%s/_data", name);

	return disk_use_tree(engine->root, path);
}

/* -- system df -------------------------------------------------------------------------------- */

static int images_report(struct engine *engine, json_t *all, struct err *err)
{
	struct image_row *rows = NULL;
	int count = image_list(engine->store, false, &rows, err);
	json_t *list = json_array();

	json_put(all, "Images", list);
	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		_cleanup_strv_ char **users = NULL;
		json_t *one = json_object();
		int64_t shared = 0;

		(void)image_users(engine->store, rows[i].id, &users, err);
		/* a layer that another image has too is shared; sizes of layers stand in the record */
		for (size_t l = 0; rows[i].layers && rows[i].layers[l]; l++) {
			bool other = false;

			for (int k = 0; k < count && !other; k++)
				for (size_t m = 0; k != i && rows[k].layers && rows[k].layers[m];
				     m++)
					other |= strcmp(rows[k].layers[m], rows[i].layers[l]) == 0;
			if (other)
				shared += layer_size(engine->store, rows[i].layers[l], err);
		}
		json_put(one, "ID", json_text(rows[i].id));
		json_put(one, "Tags", json_from_strv(rows[i].tags));
		json_put(one, "Size", json_integer(rows[i].size_bytes));
		json_put(one, "SharedSize", json_integer(shared));
		json_put(one, "Containers", json_integer((json_int_t)strv_length(users)));
		json_put(one, "CreatedNs", json_integer(rows[i].created_ns));
		json_push(list, one);
	}
	image_rows_free(rows, (size_t)count);
	json_put(all, "LayersSize", json_integer(layers_size(engine->store, err)));
	return 0;
}

static int containers_report(struct engine *engine, json_t *all, struct err *err)
{
	struct container_row *rows = NULL;
	int count = container_list(engine->store, true, &rows, err);
	json_t *list = json_array();

	json_put(all, "Containers", list);
	for (int i = 0; i < count; i++) {
		json_t *one = json_object(), *config = json_loads(rows[i].config, 0, NULL);
		struct container_status status;

		status_get(engine, rows[i].id, &status);
		json_put(one, "ID", json_text(rows[i].id));
		json_put(one, "Names", json_text(rows[i].name));
		json_put(one, "Image", json_text(json_string_at(config, "Config.Image", "")));
		json_put(one, "Path", json_text(json_string_at(config, "Cloche.Path", "")));
		json_put(one, "Volumes",
			 json_integer((json_int_t)json_array_size(json_at(config, "Mounts"))));
		json_put(one, "Size", json_integer(disk_use_container(engine, rows[i].id)));
		json_put(one, "State", json_text(status_word(&status)));
		json_put(one, "CreatedNs", json_integer(rows[i].created_ns));
		json_push(list, one);
		json_decref(config);
	}
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	return count < 0 ? count : 0;
}

static int volumes_report(struct engine *engine, json_t *all, struct err *err)
{
	struct volume_row *rows = NULL;
	int count = volume_list(engine->store, &rows, err);
	json_t *list = json_array();

	json_put(all, "Volumes", list);
	for (int i = 0; i < count; i++) {
		_cleanup_strv_ char **users = NULL;
		json_t *one = json_object();

		(void)volume_users(engine->store, rows[i].name, &users, err);
		json_put(one, "Name", json_text(rows[i].name));
		json_put(one, "Links", json_integer((json_int_t)strv_length(users)));
		json_put(one, "Size", json_integer(disk_use_volume(engine, rows[i].name)));
		json_push(list, one);
	}
	if (count > 0)
		volume_rows_free(rows, (size_t)count);
	return count < 0 ? count : 0;
}

json_t *disk_use_report(struct engine *engine, struct err *err)
{
	json_t *all = json_object();

	if (engine_store(engine, err) && images_report(engine, all, err) == 0 &&
	    containers_report(engine, all, err) == 0 && volumes_report(engine, all, err) == 0)
		return all;
	json_decref(all);
	return NULL;
}
