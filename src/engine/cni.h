/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --network cni:NAME: the container's network is made by CNI plugins (the CNI specification, 1.0), as the configuration list NAME in
 * /etc/cni/net.d says; plugins are looked for in CNI_PATH, or /opt/cni/bin and /usr/lib/cni. containers/ID/cni keeps the list and the
 * result from before the first plugin runs until the last has taken away, so that nothing of theirs stays whoever is killed.
 */
#ifndef CLOCHE_ENGINE_CNI_H
#define CLOCHE_ENGINE_CNI_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct engine;
struct err;
struct record;

bool cni_wanted(const struct record *record);
/* In the command: is there such a list, are its plugins there, and can it publish what is asked? */
int cni_prepare(const struct record *record, struct err *err);
/* ADD, in the process that becomes the monitor. pid: of a process in the network namespace. */
int cni_add(struct engine *engine, const struct record *record, pid_t pid, struct err *err);
/* CHECK of each plugin. -ENOENT: it was not added. */
int cni_check(struct engine *engine, const struct record *record, pid_t pid, struct err *err);
/* DEL, the last plugin first. Repeatable; without words when there is nothing. */
int cni_delete(struct engine *engine, const struct record *record, struct err *err);
/* The result of ADD; NULL. The caller drops it. */
json_t *cni_result(struct engine *engine, const struct record *record);

#endif
