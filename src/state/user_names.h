/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Publishing the names of a container's users for the host's tools: the writer of base/names_record.h's files.
 *
 *	user_names_publish(run_fd, 0755, base, "web", root_fd, err);     root_fd: the container's root, which is foreign
 *	user_names_remove(run_fd, base, "web");
 */
#ifndef CLOCHE_STATE_USER_NAMES_H
#define CLOCHE_STATE_USER_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct err;

/* The record's text from the bytes of passwd(5) and group(5), which may be anything: a line whose name or number does not fit
 * leaves nothing behind, capitals become small. NULL is an empty file. */
void user_names_text(const char *container, const char *passwd, const char *group, struct buf *out);

/* The same from the files beneath root, which may be missing, special or endless. */
void user_names_read(const char *container, int root, struct buf *out);

/* Read /etc/passwd and /etc/group beneath root (missing, special or endless files count as empty), and write the record of
 * the range below run/names. The folder gets folder_mode and folder_gid. Nothing is written when the record says so already. */
int user_names_publish(int run, mode_t folder_mode, gid_t folder_gid, uint32_t base,
		       const char *container, int root, struct err *err);
/* Only what is this container's; missing is success. */
void user_names_remove(int run, uint32_t base, const char *container);

#endif
