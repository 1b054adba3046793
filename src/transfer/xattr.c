/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/xattr.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/err.h"
#include "base/str.h"

static const char capability[] = "security.capability";

/* Revision 2 is stored as it is. Revision 3 is 2 with the uid of a namespace's root behind it (capabilities(7)): that uid
 * is of another machine; 0 means the same as 2, anything else is nobody here. */
static int set_capability(int fd, const void *value, size_t size, struct err *err)
{
	struct vfs_ns_cap_data data = { 0 };
	uint32_t revision;

	if (size != XATTR_CAPS_SZ_2 && size != XATTR_CAPS_SZ_3)
		return err_set(err, EINVAL, "its security.capability has %zu bytes", size);
	memcpy(&data, value, size);
	revision = le32toh(data.magic_etc) & VFS_CAP_REVISION_MASK;
	if (revision != (size == XATTR_CAPS_SZ_2 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3))
		return err_set(err, EINVAL, "its security.capability is of no known revision");
	if (revision == VFS_CAP_REVISION_3 && data.rootid != 0)
		return 0;
	data.magic_etc =
		htole32(VFS_CAP_REVISION_2 | (le32toh(data.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE));
	if (fsetxattr(fd, capability, &data, XATTR_CAPS_SZ_2, 0) < 0)
		return err_sys(err, errno, "set its capabilities");
	return 0;
}

int xattr_copy(int fd, struct archive_entry *entry, struct err *err)
{
	const char *name;
	const void *value;
	size_t size;

	if (!entry || archive_entry_xattr_reset(entry) == 0)
		return 0;
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		int r;

		if (!name)
			continue;
		if (strcmp(name, capability) == 0) {
			r = set_capability(fd, value, size, err);
			if (r < 0)
				return r;
			continue;
		}
		if (!str_prefix(name, "user.") || str_prefix(name, "user.overlay."))
			continue;
		if (strlen(name) > XATTR_NAME_MAX || size > XATTR_SIZE_MAX)
			return err_set(err, E2BIG,
				       "its attribute %.100s is larger than Linux can store", name);
		if (fsetxattr(fd, name, value, size, 0) < 0 && errno != EOPNOTSUPP)
			return err_sys(err, errno, "set its attribute %.100s", name);
	}
	return 0;
}
