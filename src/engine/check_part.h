/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of `system check` share. For check.c and check_host.c; others use check.h. */
#ifndef CLOCHE_ENGINE_CHECK_PART_H
#define CLOCHE_ENGINE_CHECK_PART_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

struct container_row;
struct engine;
struct err;
struct store;

struct check {
	struct engine *engine;
	bool repair;
	char **found;
	int left;
	struct container_row *rows;
	size_t count;
};

/* A line "NAME: WHAT", and "; repaired"; what is not repaired is counted. */
void check_finding(struct check *check, bool repaired, const char *what, const char *name);
/* The same of what is no fault: it is not counted. */
void check_note(struct check *check, const char *what, const char *name);
const struct container_row *check_row(const struct check *check, const char *id);
/* Somebody holds its lock: what is seen of it means nothing. */
bool check_at_work(struct check *check, const char *id);
/* A closer look at what seems to be left of a container: the list of rows is older than what was found, and who begins meanwhile waits
 * for the lock that this holds until check_hold_end(). false: somebody is at work. */
struct check_hold {
	int lock;
	bool marked; /* the lock was left by somebody killed, and stays */
	bool known;  /* it has a row */
	bool runs;
};
bool check_hold(struct check *check, const char *id, struct check_hold *hold);
void check_hold_end(struct check *check, const char *id, struct check_hold *hold);
DIR *check_folder(int at, const char *path); /* NULL: not there */

/* Disk images of what is gone. What a row has and the disk has not is no finding: folders are made by the first start. */
int check_disks(struct check *check, struct store *store, struct err *err);
/* Folders of this boot for hooks and for other runtimes, whose container does not run. */
void check_run_folders(struct check *check);
/* Of the networks: the nftables table, and the relay of published ports of each container that runs. */
int check_networks(struct check *check, struct err *err);
/* Single elements of that table, and links by which it knows networks that are gone. */
int check_ruleset(struct check *check, struct err *err);

#endif
