/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file: fixed slots of text, one a line, so that taking the next free one is a scan of memory and a write in place:
 *   line 0           "cloche-uids 1 BOOT-ID"
 *   line 1 + n       range n: blank, or "x" (somebody else's), or "ID12 DEVICE INODE PATH", cut to the slot
 * Under flock; a slot is written by one pwrite(2), which no kill can halve. */
#include "state/uid_range.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

enum { SLOT = 128, SLOTS = (int)((UID_RANGE_LAST - UID_RANGE_FIRST) / UID_RANGE_SIZE + 1) };

struct registry {
	int fd;
	char *text; /* (1 + SLOTS) * SLOT bytes, mapped */
};

static size_t file_size(void)
{
	return (size_t)(1 + SLOTS) * SLOT;
}

static char *slot_at(const struct registry *registry, unsigned int n)
{
	return registry->text + (size_t)(1 + n) * SLOT;
}

static void slot_write(const struct registry *registry, unsigned int n, const char *words)
{
	char line[SLOT];

	memset(line, ' ', sizeof(line));
	memcpy(line, words, strnlen(words, SLOT - 1));
	line[SLOT - 1] = '\n';
	/* the map shows it at once; a failure shows at the next read as a slot that is free */
	(void)!pwrite(registry->fd, line, sizeof(line), (off_t)(1 + n) * SLOT);
}

static void exclude(const struct registry *registry, uint64_t first, uint64_t count)
{
	uint64_t last = first + count;

	if (count == 0 || last <= UID_RANGE_FIRST || first > UID_RANGE_LAST)
		return;
	for (unsigned int n = 0; n < SLOTS; n++) {
		uint64_t low = UID_RANGE_FIRST + (uint64_t)n * UID_RANGE_SIZE;

		if (low < last && first < low + UID_RANGE_SIZE && slot_at(registry, n)[0] == ' ')
			slot_write(registry, n, "x");
	}
}

/* subuid(5): NAME:FIRST:COUNT */
static void exclude_subordinate(const struct registry *registry, const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long first, count;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*[^:]:%llu:%llu", &first, &count) == 2)
			exclude(registry, first, count);
	if (f)
		(void)fclose(f);
}

/* passwd(5), group(5): the third field. Files only: a directory server may take seconds. */
static void exclude_accounts(const struct registry *registry, const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long id;
	char line[1024];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*[^:]:%*[^:]:%llu", &id) == 1)
			exclude(registry, id, 1);
	if (f)
		(void)fclose(f);
}

/* systemd-nspawn names its lock files after the first id of a range. */
static void exclude_nspawn(const struct registry *registry)
{
	DIR *d = opendir("/run/systemd/nspawn-uid");
	struct dirent *e;
	uint64_t first;

	while (d && (e = readdir(d)) != NULL)
		if (str_to_u64(e->d_name, UINT32_MAX, &first) == 0)
			exclude(registry, first, UID_RANGE_SIZE);
	if (d)
		(void)closedir(d);
}

static int fill(struct registry *registry, const char *boot)
{
	_cleanup_free_ char *blank = mem_new(file_size());
	char head[SLOT];
	int r;

	memset(blank, ' ', file_size());
	for (int n = 0; n <= SLOTS; n++)
		blank[(size_t)n * SLOT + SLOT - 1] = '\n';
	if (ftruncate(registry->fd, 0) < 0 || lseek(registry->fd, 0, SEEK_SET) < 0)
		return -errno;
	r = fd_write_all(registry->fd, blank, file_size());
	if (r < 0)
		return r;
	exclude_subordinate(registry, "/etc/subuid");
	exclude_subordinate(registry, "/etc/subgid");
	exclude_accounts(registry, "/etc/passwd");
	exclude_accounts(registry, "/etc/group");
	exclude_nspawn(registry);
	/* the head last: without it, whoever comes next begins again */
	memset(head, ' ', sizeof(head));
	(void)snprintf(head, sizeof(head), "cloche-uids 1 %s", boot);
	head[strlen(head)] = ' ';
	head[SLOT - 1] = '\n';
	return pwrite(registry->fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) ? 0 : -EIO;
}

static void registry_close(struct registry *registry)
{
	if (registry->text)
		(void)munmap(registry->text, file_size());
	fd_close(registry->fd);
}
#define _cleanup_registry_ _cleanup_(registry_close)

static int registry_open(struct registry *registry, struct err *err)
{
	const char *path = getenv("CLOCHE_UID_REGISTRY");
	_cleanup_(buf_clear) struct buf boot = BUF_EMPTY;
	struct stat st;
	int r;

	if (!path) {
		path = "/run/lock/cloche/uids";
		(void)mkdir("/run/lock", 01777);
		(void)mkdir("/run/lock/cloche", 0755);
	}
	registry->text = NULL;
	registry->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (registry->fd < 0)
		return err_sys(err, errno, "open the registry of user ids %s", path);
	while (flock(registry->fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "lock the registry of user ids %s", path);
	if (fstat(registry->fd, &st) < 0 || st.st_uid != 0 || !S_ISREG(st.st_mode))
		return err_set(err, EPERM, "the registry of user ids %s is not root's", path);
	r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &boot);
	if (r < 0)
		return err_sys(err, r, "read the boot id");
	boot.data[strcspn(boot.data, "\n")] = '\0';
	if (st.st_size != (off_t)file_size() && ftruncate(registry->fd, (off_t)file_size()) < 0)
		return err_sys(err, errno, "write the registry of user ids %s", path);
	registry->text = mmap(NULL, file_size(), PROT_READ, MAP_SHARED, registry->fd, 0);
	if (registry->text == MAP_FAILED) {
		registry->text = NULL;
		return err_sys(err, errno, "map the registry of user ids %s", path);
	}
	if (strncmp(registry->text, "cloche-uids 1 ", 14) != 0 ||
	    strncmp(registry->text + 14, boot.data, strlen(boot.data)) != 0) {
		r = fill(registry, boot.data);
		if (r < 0)
			return err_sys(err, r, "write the registry of user ids %s", path);
	}
	return 0;
}

static int entry_make(int root_fd, const char *root_path, const char *id, char out[SLOT],
		      struct err *err)
{
	struct stat st;

	if (fstat(root_fd, &st) < 0)
		return err_sys(err, errno, "look at %s", root_path);
	(void)snprintf(out, SLOT, "%.12s %llu %llu %s", id, (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino, root_path);
	return 0;
}

static bool contains(const uint32_t *list, unsigned int count, uint32_t value)
{
	for (unsigned int i = 0; i < count; i++)
		if (list[i] == value)
			return true;
	return false;
}

/* Whose root is gone: nobody can start or remove that container any more. */
static bool root_gone(const char *slot)
{
	unsigned long long device, inode;
	char path[SLOT] = "";
	struct stat st;

	if (sscanf(slot, "%*s %llu %llu %127[^\n]", &device, &inode, path) != 3)
		return false;
	path[strcspn(path, " ")] = '\0';
	return stat(path, &st) < 0 || st.st_dev != device || st.st_ino != inode;
}

static bool ids_used(uint32_t base)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool used = !d;

	while (!used && (e = readdir(d)) != NULL) {
		struct stat st;

		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		    fstatat(dirfd(d), e->d_name, &st, 0) == 0)
			used = st.st_uid >= base && st.st_uid - base < UID_RANGE_SIZE;
	}
	if (d)
		(void)closedir(d);
	return used;
}

static unsigned int sweep(const struct registry *registry)
{
	unsigned int freed = 0;

	for (unsigned int n = 0; n < SLOTS; n++) {
		const char *slot = slot_at(registry, n);

		if (slot[0] != ' ' && slot[0] != 'x' && root_gone(slot) &&
		    !ids_used(UID_RANGE_FIRST + n * UID_RANGE_SIZE)) {
			slot_write(registry, n, "");
			freed++;
		}
	}
	return freed;
}

int uid_range_take(int root_fd, const char *root_path, const char *container_id,
		   const uint32_t *taken, unsigned int taken_count, uint32_t *ret_base,
		   struct err *err)
{
	_cleanup_registry_ struct registry registry = { -1, NULL };
	char entry[SLOT];
	int r = registry_open(&registry, err);

	if (r == 0)
		r = entry_make(root_fd, root_path, container_id, entry, err);
	if (r < 0)
		return r;
	for (int round = 0; round < 2; round++) {
		for (unsigned int n = 0; n < SLOTS; n++) {
			uint32_t base = UID_RANGE_FIRST + n * UID_RANGE_SIZE;

			if (slot_at(&registry, n)[0] != ' ' || contains(taken, taken_count, base))
				continue;
			slot_write(&registry, n, entry);
			*ret_base = base;
			return 0;
		}
		if (sweep(&registry) == 0)
			break;
	}
	err_set(err, EUSERS, "no range of user ids is free: all %d are taken", SLOTS);
	return err_hint(err, "remove containers, or run: cloche system check --repair");
}

int uid_range_claim(int root_fd, const char *root_path, const char *container_id, uint32_t base,
		    struct err *err)
{
	_cleanup_registry_ struct registry registry = { -1, NULL };
	unsigned int n = (base - UID_RANGE_FIRST) / UID_RANGE_SIZE;
	char entry[SLOT];
	int r;

	if (base < UID_RANGE_FIRST || n >= SLOTS)
		return err_set(err, ERANGE, "user ids from %u are outside of the pool", base);
	r = registry_open(&registry, err);
	if (r == 0)
		r = entry_make(root_fd, root_path, container_id, entry, err);
	if (r < 0 || strncmp(slot_at(&registry, n), entry, strlen(entry)) == 0)
		return r;
	if (slot_at(&registry, n)[0] != ' ' && !root_gone(slot_at(&registry, n)))
		return err_set(err, EEXIST, "user ids from %u belong to another container: %.*s",
			       base, SLOT - 1, slot_at(&registry, n));
	slot_write(&registry, n, entry);
	return 0;
}

int uid_range_release(const char *container_id, uint32_t base, struct err *err)
{
	_cleanup_registry_ struct registry registry = { -1, NULL };
	int r = registry_open(&registry, err);

	if (r < 0)
		return r;
	for (unsigned int n = base ? (base - UID_RANGE_FIRST) / UID_RANGE_SIZE : 0; n < SLOTS;
	     n++) {
		if (strncmp(slot_at(&registry, n), container_id, 12) == 0)
			slot_write(&registry, n, "");
		if (base)
			break;
	}
	return 0;
}

int uid_range_sweep(struct err *err)
{
	_cleanup_registry_ struct registry registry = { -1, NULL };
	int r = registry_open(&registry, err);

	return r < 0 ? r : (int)sweep(&registry);
}
