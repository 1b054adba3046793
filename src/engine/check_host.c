/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of `system check` about disks, folders of this boot, and networks. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/check_part.h"
#include "engine/engine.h"
#include "engine/network.h"
#include "engine/network_up.h"
#include "engine/publish.h"
#include "engine/publish_relay.h"
#include "engine/record.h"
#include "engine/status.h"
#include "state/store.h"

static bool there(const struct check *check, const char *folder, const char *name)
{
	_cleanup_free_ char *path = str_printf("%s/%s", folder, name);

	return faccessat(check->engine->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ROOT/disks/container-ID and volume-NAME (engine/disk_limit.h). Those of volumes are data. */
static void disk_images_check(struct check *check, const struct volume_row *volumes, size_t count)
{
	static const char of_container[] = "container-", of_volume[] = "volume-";
	DIR *d = check_folder(check->engine->root, "disks");
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		if (str_prefix(e->d_name, of_container)) {
			_cleanup_free_ char *id = str_ndup(e->d_name + strlen(of_container), 64);
			struct check_hold hold;

			if (check_row(check, id) || !check_hold(check, id, &hold))
				continue;
			if (!hold.known &&
			    faccessat(dirfd(d), e->d_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
				check_finding(
					check,
					check->repair && unlinkat(dirfd(d), e->d_name, 0) == 0,
					"a disk image of a container that is gone", e->d_name);
			check_hold_end(check, id, &hold);
		} else if (str_prefix(e->d_name, of_volume)) {
			const char *name = e->d_name + strlen(of_volume);
			bool known = false;

			for (size_t i = 0; i < count; i++)
				known |= strcmp(name, volumes[i].name) == 0;
			/* "NAME.new" is one that is being made */
			if (!known && !str_suffix(name, ".new") && !there(check, "volumes", name))
				check_finding(
					check, false,
					"a disk image of a volume that is not in the database; look, then remove it by hand",
					e->d_name);
		}
	}
	if (d)
		(void)closedir(d);
}

int check_disks(struct check *check, struct store *store, struct err *err)
{
	struct volume_row *volumes = NULL;
	int count = volume_list(store, &volumes, err);

	if (count < 0)
		return count;
	disk_images_check(check, volumes, (size_t)count);
	volume_rows_free(volumes, (size_t)count);
	return 0;
}

void check_run_folders(struct check *check)
{
	static const struct {
		const char *path, *what;
	} kinds[] = {
		{ "hooks", "a bundle for hooks of a container that does not run" },
		{ "oci", "state of another runtime for a container that does not run" },
	};

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		DIR *d = check_folder(check->engine->run, kinds[k].path);
		struct dirent *e;

		while (d && (e = readdir(d)) != NULL) {
			struct check_hold hold;

			if (!str_is_id(e->d_name) || !check_hold(check, e->d_name, &hold))
				continue;
			if (!hold.runs &&
			    faccessat(dirfd(d), e->d_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
				check_finding(check,
					      check->repair && dir_remove(dirfd(d), e->d_name) == 0,
					      kinds[k].what, e->d_name);
			check_hold_end(check, e->d_name, &hold);
		}
		if (d)
			(void)closedir(d);
	}
}

/* Its ports are published by a process that has died. */
static bool relay_missing(struct check *check, const struct container_row *row)
{
	struct record record = { .row = *row };
	_cleanup_json_ json_t *config = json_loads(row->config ? row->config : "{}", 0, NULL);
	_cleanup_close_ int run = -1;
	struct container_status status;
	struct err ignored = ERR_NONE;

	record.config = config;
	if (!config || !publish_wanted(&record) || check_at_work(check, row->id))
		return false;
	status_get(check->engine, row->id, &status);
	if (status.status != STATUS_RUNNING)
		return false;
	run = engine_run_dir(check->engine, row->id, false, &ignored);
	if (run < 0 || publish_relay_runs(run))
		return false;
	status_get(check->engine, row->id, &status); /* both may just have ended */
	return status.status == STATUS_RUNNING && !status.ending;
}

int check_networks(struct check *check, struct err *err)
{
	struct store *store = engine_store(check->engine, err);
	struct container_row *rows = NULL;
	_cleanup_strv_ char **lost = NULL;
	int table, count = store ? container_list(store, true, &rows, err) : -err->code, r = 0;

	for (int i = 0; i < count; i++)
		if (relay_missing(check, &rows[i]))
			strv_add(&lost, rows[i].name);
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	table = count < 0 ? count : network_table_missing(check->engine, err);
	if (table < 0)
		return table;
	if (check->repair && (table > 0 || lost))
		r = network_mend(check->engine, err);
	if (table > 0)
		check_finding(check, check->repair && r == 0,
			      "the nftables table of the networks is gone", "networks");
	for (size_t i = 0; lost && lost[i]; i++)
		check_finding(check, check->repair && r == 0,
			      "the process that publishes its ports was killed", lost[i]);
	return r;
}
