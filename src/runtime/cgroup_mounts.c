/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/cgroup_mounts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/cgroup_ops.h"

static const struct {
	const char *option;
	unsigned bit;
} v1_options[] = {
	{ "memory", CGROUP_MEMORY }, { "cpu", CGROUP_CPU },	    { "cpuacct", CGROUP_CPUACCT },
	{ "cpuset", CGROUP_CPUSET }, { "pids", CGROUP_PIDS },	    { "devices", CGROUP_DEVICES },
	{ "blkio", CGROUP_BLKIO },   { "freezer", CGROUP_FREEZER }, { "hugetlb", CGROUP_HUGETLB },
	{ "rdma", CGROUP_RDMA },     { "net_cls", CGROUP_NET_CLS }, { "net_prio", CGROUP_NET_PRIO },
};

unsigned cgroup_controllers_parse(char *options)
{
	char *option;
	unsigned bits = 0;

	while ((option = strsep(&options, ",")) != NULL)
		for (size_t i = 0; i < ARRAY_SIZE(v1_options); i++)
			if (strcmp(option, v1_options[i].option) == 0)
				bits |= v1_options[i].bit;
	return bits;
}

/* Blank, tab, newline and backslash stand as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static bool device_parse(char *field, dev_t *ret_device)
{
	char *colon = strchr(field, ':');
	uint64_t major, minor;

	if (!colon)
		return false;
	*colon = '\0';
	if (str_to_u64(field, UINT32_MAX, &major) < 0 ||
	    str_to_u64(colon + 1, UINT32_MAX, &minor) < 0)
		return false;
	*ret_device = makedev((unsigned)major, (unsigned)minor);
	return true;
}

/* A mount of the hierarchy's root beats one of a folder in it. Then the host's own place beats others, such as what a
 * test or a folder that is to be somebody's root has mounted for itself, and may be gone in a moment. */
static int rank(const struct cgroup_hierarchy *h)
{
	return 2 * h->whole + str_prefix(h->mount_point, "/sys/fs/cgroup");
}

static void hierarchy_add(struct cgroup_mounts *mounts, const struct cgroup_hierarchy *found)
{
	for (size_t i = 0; i < mounts->count; i++) {
		struct cgroup_hierarchy *known = &mounts->list[i];
		char *worse = found->mount_point;
		bool equal = found->whole && known->whole;

		if (known->device != found->device)
			continue;
		if (rank(found) > rank(known)) {
			worse = known->mount_point;
			known->mount_point = found->mount_point;
			known->whole = found->whole;
		}
		if (equal)
			strv_add_take(&known->other_points, worse);
		else
			free(worse);
		return;
	}
	mounts->list = reallocarray(mounts->list, mounts->count + 1, sizeof(*mounts->list));
	if (!mounts->list)
		abort();
	mounts->list[mounts->count++] = *found;
}

/* 36 35 98:0 /root /mount/point options optional... - type source super-options */
static void line_parse(char *line, struct cgroup_mounts *mounts)
{
	struct cgroup_hierarchy h = { .fd = -1 };
	char *fields[5], *after = strstr(line, " - cgroup"), *type, *options;

	if (!after)
		return;
	*after = '\0';
	after += strlen(" - ");
	type = strsep(&after, " ");
	(void)strsep(&after, " "); /* source: any word */
	options = after;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&line, " ");
		if (!fields[i])
			return;
	}
	if (!options || !device_parse(fields[2], &h.device))
		return;
	if (strcmp(type, "cgroup2") == 0) {
		h.ops = &cgroup_v2_ops;
	} else if (strcmp(type, "cgroup") == 0) {
		h.ops = &cgroup_v1_ops;
		h.named = strstr(options, "name=") != NULL;
		h.controllers = cgroup_controllers_parse(options);
	} else {
		return;
	}
	h.whole = strcmp(fields[3], "/") == 0;
	unescape(fields[4]);
	h.mount_point = str_dup(fields[4]);
	hierarchy_add(mounts, &h);
}

void cgroup_mounts_parse(char *text, struct cgroup_mounts *ret_mounts)
{
	struct cgroup_mounts mounts = { 0 };
	char *line;

	while ((line = strsep(&text, "\n")) != NULL)
		line_parse(line, &mounts);
	*ret_mounts = mounts;
}

int cgroup_mounts_read(struct cgroup_mounts *ret_mounts, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", 64 << 20, &text);

	if (r < 0)
		return err_sys(err, r, "read /proc/self/mountinfo");
	cgroup_mounts_parse(text.data, ret_mounts);
	return 0;
}

static void hierarchy_clear(struct cgroup_hierarchy *h)
{
	fd_close(h->fd);
	free(h->mount_point);
	strv_clear(h->other_points);
}

void cgroup_mounts_drop(struct cgroup_mounts *mounts, size_t i)
{
	hierarchy_clear(&mounts->list[i]);
	mounts->count--;
	memmove(&mounts->list[i], &mounts->list[i + 1],
		(mounts->count - i) * sizeof(*mounts->list));
}

void cgroup_mounts_clear(struct cgroup_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		hierarchy_clear(&mounts->list[i]);
	free(mounts->list);
	*mounts = (struct cgroup_mounts){ 0 };
}
