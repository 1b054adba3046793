/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mount options of the runtime spec (config.md, "Linux mount options"): what each does to a struct spec_mount. What is
 * no option of the table is the file system's own and goes into data. `features` prints the same table. */
#ifndef CLOCHE_RUNTIME_MOUNT_FLAG_H
#define CLOCHE_RUNTIME_MOUNT_FLAG_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct spec_mount;

const char *mount_flag_name(size_t index); /* NULL past the last */

/* Apply one option. bind and rbind make it a BIND. */
void mount_flag_apply(struct spec_mount *mount, const char *option);
/* After the last one. -EOPNOTSUPP: noacl, of what cannot be without access control lists; only a file system with such an option can. */
int mount_flag_finish(struct spec_mount *mount, struct err *err);
/* "private", "rslave", ... to MS_PRIVATE, MS_SLAVE | MS_REC, ...; 0: none of them. */
uint64_t mount_flag_propagation(const char *word);

#endif
