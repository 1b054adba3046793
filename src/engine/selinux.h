/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SELinux labels of containers, as Docker and Podman make them: the policy names the labels of a container's processes and of its files
 * (lxc_contexts), and each container has two categories of its own (MCS), so that two of them, though of one type, are strangers.
 * -v ...:z gives a tree the label that all containers share, :Z that of one. libselinux is loaded where SELinux is on and not before.
 *	selinux_contexts_load(&contexts, err);
 *	selinux_labels_make(&contexts, options, false, selinux_pair(id), &labels);
 */
#ifndef CLOCHE_ENGINE_SELINUX_H
#define CLOCHE_ENGINE_SELINUX_H

#include <stdbool.h>
#include <stdint.h>

struct err;

struct selinux_contexts { /* of the policy: NULL where it has none */
	char *process, *init, *file;
};
#define SELINUX_CONTEXTS_NONE ((struct selinux_contexts){ 0 })
/* A policy without a word on containers: all NULL. */
int selinux_contexts_load(struct selinux_contexts *contexts, struct err *err);
void selinux_contexts_parse(const char *text, struct selinux_contexts *contexts);
void selinux_contexts_clear(struct selinux_contexts *contexts);

struct selinux_labels { /* "": none */
	char *process, *mount;
};
#define SELINUX_LABELS_NONE ((struct selinux_labels){ 0 })
void selinux_labels_clear(struct selinux_labels *labels);

/* What comes after "label=": disable, or user, role, type, level or filetype with a value. -EINVAL in Docker's words. */
int selinux_option_check(const char *option, struct err *err);
/* options: NULL, or as selinux_option_check takes them; the last one wins. With "disable" the process has none, and its files the
 * pair that no other container has. init: of a container whose first process is systemd. */
void selinux_labels_make(const struct selinux_contexts *contexts, char *const *options, bool init,
			 uint32_t pair, struct selinux_labels *ret_labels);

/* One of the SELINUX_PAIRS pairs of categories, always the same for an id. */
enum {
	SELINUX_CATEGORIES = 1022,
	SELINUX_PAIRS = SELINUX_CATEGORIES * (SELINUX_CATEGORIES - 1) / 2
};
uint32_t selinux_pair(const char *id);
/* "s0:c3,c17", to be freed. Categories 1022 and 1023 are left to containers without a label. */
char *selinux_level(uint32_t pair);
/* Part of a label: 0 user, 1 role, 2 type, 3 level; NULL: it has none. To be freed. */
char *selinux_part(const char *label, unsigned int which);

/* The label with the level that all have; to be freed. */
char *selinux_shared(const char *label);

/* Folders that a host needs with the labels they have. */
bool selinux_path_is_systems(const char *path);
/* Label path and all below it, links themselves; shared: with the level that all have. -EPERM: a folder of the system. */
int selinux_relabel(const char *path, const char *label, bool shared, struct err *err);
/* The same for one file or folder of ours, open, with nothing below it. */
int selinux_label_file(int fd, const char *label, struct err *err);

#endif
