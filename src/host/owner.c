/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "host/foreign.h"
#include "host/process.h"
#include "state/store.h"

static void text_set(char *out, size_t size, const char *text)
{
	out[0] = '\0';
	(void)str_append(out, size, text);
}

/* -- Cloche ----------------------------------------------------------------------------------- */

struct record { /* this instance's rows */
	struct container_row *containers;
	struct image_row *images;
	int container_count, image_count;
};

static void record_read(struct store *store, struct record *record)
{
	struct err ignored = ERR_NONE;

	*record = (struct record){ 0 };
	if (!store)
		return;
	record->container_count = container_list(store, false, &record->containers, &ignored);
	record->image_count = image_list(store, false, &record->images, &ignored);
}

static void record_free(struct record *record)
{
	if (record->container_count > 0)
		container_rows_free(record->containers, (size_t)record->container_count);
	if (record->image_count > 0)
		image_rows_free(record->images, (size_t)record->image_count);
}

static void image_name(const struct record *record, const char *id, char out[OWNER_IMAGE])
{
	for (int i = 0; i < record->image_count; i++) {
		const struct image_row *image = &record->images[i];

		if (strcmp(image->id, id) != 0 || !image->tags || !image->tags[0])
			continue;
		id = image->tags[0];
		if (str_prefix(id, "docker.io/library/"))
			id += strlen("docker.io/library/");
		text_set(out, OWNER_IMAGE, id);
		return;
	}
	text_set(out, OWNER_IMAGE, str_prefix(id, "sha256:") ? id + 7 : id);
	if (str_prefix(id, "sha256:"))
		out[12] = '\0';
}

static void cloche_name(const struct record *record, const char *suffix, struct owner *owner)
{
	if (strcmp(owner->part, suffix) != 0)
		return; /* another instance's: the folder's name is what we know */
	for (int i = 0; i < record->container_count; i++) {
		const struct container_row *row = &record->containers[i];

		if (strncmp(row->id, owner->id, 12) != 0)
			continue;
		text_set(owner->name, sizeof(owner->name), row->name);
		image_name(record, row->image_id, owner->image);
		return;
	}
}

/* -- all -------------------------------------------------------------------------------------- */

void owner_name_all(struct process_table *table, struct store *store, const char *suffix)
{
	struct record record;

	record_read(store, &record);
	for (size_t i = 1; i < table->owner_count; i++) {
		struct owner *owner = &table->owners[i];
		_cleanup_json_ json_t *details = NULL;

		if (owner->engine == ENGINE_CLOCHE) {
			cloche_name(&record, suffix, owner);
			continue;
		}
		details = owner_details(owner);
		if (json_at(details, "Name"))
			text_set(owner->name, sizeof(owner->name),
				 json_string_at(details, "Name", ""));
		text_set(owner->image, sizeof(owner->image), json_string_at(details, "Image", ""));
	}
	record_free(&record);
}

/* -- limits ----------------------------------------------------------------------------------- */

static uint64_t limit_read(const char *folder, const char *file)
{
	_cleanup_free_ char *path = str_printf("%s/%s", folder, file);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	uint64_t value;

	if (file_read(AT_FDCWD, path, 64, &text) < 0)
		return UINT64_MAX;
	text.data[strcspn(text.data, "\n")] = '\0';
	/* "max", or v1's way to say it, 2^63 cut to pages */
	return str_to_u64(text.data, UINT64_MAX, &value) < 0 || value >= (uint64_t)1 << 60 ?
		       UINT64_MAX :
		       value;
}

/* The least of the folder and those above it. */
static uint64_t limit_above(const char *mount, const char *path, size_t length, const char *file)
{
	uint64_t least = UINT64_MAX;

	while (length > 1) {
		_cleanup_free_ char *folder = str_printf("%s%.*s", mount, (int)length, path);
		uint64_t limit = limit_read(folder, file);

		if (limit < least)
			least = limit;
		while (length > 1 && path[length - 1] != '/')
			length--;
		length--;
	}
	return least;
}

static uint64_t memory_limit(pid_t pid)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_free_ char *name = str_printf("/proc/%d/cgroup", (int)pid);
	const char *v1, *v2;

	if (file_read(AT_FDCWD, name, 1 << 16, &text) < 0)
		return UINT64_MAX;
	v1 = strstr(text.data, ":memory:");
	if (v1)
		return limit_above("/sys/fs/cgroup/memory", v1 + 8, strcspn(v1 + 8, "\n"),
				   "memory.limit_in_bytes");
	v2 = str_prefix(text.data, "0::") ? text.data : strstr(text.data, "\n0::");
	if (!v2)
		return UINT64_MAX;
	v2 += *v2 == '\n' ? 4 : 3;
	return limit_above("/sys/fs/cgroup", v2, strcspn(v2, "\n"), "memory.max");
}

void owner_limits_all(struct process_table *table)
{
	for (size_t i = 1; i < table->owner_count; i++)
		if (table->owners[i].init)
			table->owners[i].memory_limit_bytes = memory_limit(table->owners[i].init);
}
