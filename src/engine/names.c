/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/names.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/name_cache.h"
#include "state/store.h"
#include "state/user_names.h"

/* Debian's group of those who may read logs; root's where it is missing. The file only: a directory server may take seconds. */
static gid_t admin_group(void)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	unsigned int gid = 0;
	const char *line;

	if (file_read(AT_FDCWD, "/etc/group", 1 << 20, &text) < 0)
		return 0;
	line = str_prefix(text.data, "adm:") ? text.data : strstr(text.data, "\nadm:");
	return line && sscanf(line + (*line == '\n'), "adm:%*[^:]:%u", &gid) == 1 ? gid : 0;
}

void names_publish(struct engine *engine, const struct container_row *row, pid_t init)
{
	bool admin = strcmp(engine->settings.names, "admin") == 0;
	_cleanup_close_ int root = -1;
	struct err ignored = ERR_NONE;
	char path[32];

	if (strcmp(engine->settings.names, "off") == 0)
		names_remove(engine, row); /* of a start before it was set */
	if (row->uid_base == 0 || strcmp(engine->settings.names, "off") == 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)init);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		(void)user_names_publish(engine->run, admin ? 0750 : 0755,
					 admin ? admin_group() : 0, row->uid_base, row->name, root,
					 &ignored);
}

void names_remove(struct engine *engine, const struct container_row *row)
{
	if (row->uid_base != 0) {
		user_names_remove(engine->run, row->uid_base, row->name);
		name_cache_forget();
	}
}
