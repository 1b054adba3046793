/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a container calls a host id: through the id map of its user namespace, and its own /etc/passwd, which is foreign bytes: read
 * beneath its root, to a limit, and believed as far as [a-z0-9_.-] goes.
 */
#ifndef CLOCHE_HOST_INNER_USERS_H
#define CLOCHE_HOST_INNER_USERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct inner_users;

/* Of a running process in the container. Never NULL: what cannot be read maps nothing. */
struct inner_users *inner_users_new(pid_t pid);
/* The same from what the engine published below its run folder for the range of ids that begins with base (base/names_record.h): one
 * system call. NULL: nothing, or more than a link can hold, or another container's. */
struct inner_users *inner_users_published(int run, const char *container, uint32_t base);
void inner_users_free(struct inner_users *users);
/* The id inside; UINT32_MAX: it has none there. */
uint32_t inner_users_id(const struct inner_users *users, uint32_t host_uid);
/* Its name, or the number, or "-". */
void inner_users_name(const struct inner_users *users, uint32_t host_uid, char *out, size_t size);
/* The range is not the host's own. */
bool inner_users_mapped(const struct inner_users *users);

#endif
