/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host_image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "image/work.h"
#include "runtime/spec.h"

#define LAYER_VERSION 1 /* counts up when what is written below changes */

enum entry_kind {
	ENTRY_DIR,
	ENTRY_TEXT,   /* content */
	ENTRY_LINK,   /* content: target */
	ENTRY_COPY,   /* a regular file of the host at content, when there is one */
	ENTRY_LINKS,  /* the symlinks of the host's folder at content */
	ENTRY_CERTS,  /* like ENTRY_LINKS, and the .crt and .pem files */
	ENTRY_AS_HOST /* /content: a link copied, a folder made as a mount point */
};

static const char passwd_text[] = "root:x:0:0:root:/root:/bin/bash\n"
				  "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
				  "bin:x:2:2:bin:/bin:/usr/sbin/nologin\n"
				  "sys:x:3:3:sys:/dev:/usr/sbin/nologin\n"
				  "mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n"
				  "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
				  "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
static const char group_text[] = "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\n"
				 "disk:x:6:\nmail:x:8:\nwww-data:x:33:\nshadow:x:42:\nutmp:x:43:\n"
				 "staff:x:50:\nusers:x:100:\nnogroup:x:65534:\n";
static const char nsswitch_text[] = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
				    "networks: files\nprotocols: files\nservices: files\n"
				    "ethers: files\nrpc: files\n";

static const struct {
	const char *path;
	enum entry_kind kind;
	mode_t mode;
	const char *content;
} entries[] = {
	{ "bin", ENTRY_AS_HOST, 0755, "/bin" },
	{ "sbin", ENTRY_AS_HOST, 0755, "/sbin" },
	{ "lib", ENTRY_AS_HOST, 0755, "/lib" },
	{ "lib32", ENTRY_AS_HOST, 0755, "/lib32" },
	{ "lib64", ENTRY_AS_HOST, 0755, "/lib64" },
	{ "libx32", ENTRY_AS_HOST, 0755, "/libx32" },
	{ "usr", ENTRY_DIR, 0755, NULL },
	{ "dev", ENTRY_DIR, 0755, NULL },
	{ "proc", ENTRY_DIR, 0555, NULL },
	{ "sys", ENTRY_DIR, 0555, NULL },
	{ "root", ENTRY_DIR, 0700, NULL },
	{ "home", ENTRY_DIR, 0755, NULL },
	{ "mnt", ENTRY_DIR, 0755, NULL },
	{ "opt", ENTRY_DIR, 0755, NULL },
	{ "srv", ENTRY_DIR, 0755, NULL },
	{ "tmp", ENTRY_DIR, 01777, NULL },
	{ "run", ENTRY_DIR, 0755, NULL },
	{ "run/lock", ENTRY_DIR, 01777, NULL },
	{ "var", ENTRY_DIR, 0755, NULL },
	{ "var/cache", ENTRY_DIR, 0755, NULL },
	{ "var/lib", ENTRY_DIR, 0755, NULL },
	{ "var/log", ENTRY_DIR, 0755, NULL },
	{ "var/mail", ENTRY_DIR, 02775, NULL },
	{ "var/spool", ENTRY_DIR, 0755, NULL },
	{ "var/tmp", ENTRY_DIR, 01777, NULL },
	{ "var/run", ENTRY_LINK, 0, "/run" },
	{ "var/lock", ENTRY_LINK, 0, "/run/lock" },
	{ "etc", ENTRY_DIR, 0755, NULL },
	{ "etc/passwd", ENTRY_TEXT, 0644, passwd_text },
	{ "etc/group", ENTRY_TEXT, 0644, group_text },
	{ "etc/nsswitch.conf", ENTRY_TEXT, 0644, nsswitch_text },
	{ "etc/hosts", ENTRY_TEXT, 0644, "" },
	{ "etc/hostname", ENTRY_TEXT, 0644, "" },
	{ "etc/resolv.conf", ENTRY_TEXT, 0644, "" },
	{ "etc/shells", ENTRY_TEXT, 0644, "/bin/sh\n/bin/bash\n" },
	{ "etc/mtab", ENTRY_LINK, 0, "/proc/mounts" },
	{ "etc/os-release", ENTRY_LINK, 0, "../usr/lib/os-release" },
	{ "etc/ld.so.cache", ENTRY_COPY, 0644, "/etc/ld.so.cache" },
	{ "etc/ld.so.conf", ENTRY_COPY, 0644, "/etc/ld.so.conf" },
	{ "etc/services", ENTRY_COPY, 0644, "/etc/services" },
	{ "etc/protocols", ENTRY_COPY, 0644, "/etc/protocols" },
	{ "etc/debian_version", ENTRY_COPY, 0644, "/etc/debian_version" },
	{ "etc/alternatives", ENTRY_LINKS, 0755, "/etc/alternatives" },
	{ "etc/ssl", ENTRY_DIR, 0755, NULL },
	{ "etc/ssl/openssl.cnf", ENTRY_COPY, 0644, "/etc/ssl/openssl.cnf" },
	{ "etc/ssl/certs", ENTRY_CERTS, 0755, "/etc/ssl/certs" },
};

static int text_write(int dir, const char *path, const void *data, size_t length, mode_t mode)
{
	_cleanup_close_ int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int r = fd < 0 ? -errno : fd_write_all(fd, data, length);

	return r < 0 ? r : fchmod(fd, mode) < 0 ? -errno : 0;
}

static int file_copy(int dir, const char *path, int from_dir, const char *from, mode_t mode)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = file_read(from_dir, from, 64 << 20, &text);

	if (r == -ENOENT || r == -ELOOP || r == -ENOTDIR)
		return 0; /* hosts differ in what they have */
	return r < 0 ? r : text_write(dir, path, text.data, text.length, mode);
}

static int link_copy(int dir, const char *path, int from_dir, const char *from)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, from, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, dir, path) < 0 ? -errno : 0;
}

static int folder_copy(int dir, const char *path, const char *from, mode_t mode, bool certificates)
{
	DIR *d = opendir(from);
	struct dirent *e;
	int r = mkdirat(dir, path, mode) < 0 ? -errno : 0;

	while (d && r == 0 && (e = readdir(d)) != NULL) {
		_cleanup_free_ char *to = str_printf("%s/%s", path, e->d_name);
		struct stat st;

		if (e->d_name[0] == '.' ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISLNK(st.st_mode))
			r = link_copy(dir, to, dirfd(d), e->d_name);
		else if (certificates && S_ISREG(st.st_mode) &&
			 (st.st_mode & S_IROTH) && /* else it may have a key in it */
			 (str_suffix(to, ".crt") || str_suffix(to, ".pem")))
			r = file_copy(dir, to, dirfd(d), e->d_name, 0644);
	}
	if (d)
		(void)closedir(d);
	return r;
}

static int as_host(int dir, const char *path, const char *from, mode_t mode)
{
	struct stat st;

	if (lstat(from, &st) < 0)
		return 0;
	if (S_ISLNK(st.st_mode))
		return link_copy(dir, path, AT_FDCWD, from);
	return mkdirat(dir, path, mode) < 0 ? -errno : 0;
}

static int entry_make(int dir, size_t i)
{
	const char *path = entries[i].path, *content = entries[i].content;
	mode_t mode = entries[i].mode;

	switch (entries[i].kind) {
	case ENTRY_DIR:
		return mkdirat(dir, path, mode) < 0 || fchmodat(dir, path, mode, 0) < 0 ? -errno :
											  0;
	case ENTRY_TEXT:
		return text_write(dir, path, content, strlen(content), mode);
	case ENTRY_LINK:
		return symlinkat(content, dir, path) < 0 ? -errno : 0;
	case ENTRY_COPY:
		return file_copy(dir, path, AT_FDCWD, content, mode);
	case ENTRY_LINKS:
	case ENTRY_CERTS:
		return folder_copy(dir, path, content, mode, entries[i].kind == ENTRY_CERTS);
	case ENTRY_AS_HOST:
		return as_host(dir, path, content, mode);
	}
	return -EINVAL;
}

/* Changes whenever one of the sources does. */
static uint64_t layer_key(void)
{
	uint64_t hash = 14695981039346656037u ^ LAYER_VERSION;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct stat st = { 0 };

		if (entries[i].kind < ENTRY_COPY)
			continue;
		(void)lstat(entries[i].content, &st);
		hash = (hash ^ (uint64_t)st.st_mtim.tv_sec) * 1099511628211u;
		hash = (hash ^ (uint64_t)st.st_mtim.tv_nsec) * 1099511628211u;
		hash = (hash ^ st.st_ino) * 1099511628211u;
		hash = (hash ^ (uint64_t)st.st_size) * 1099511628211u;
	}
	return hash;
}

static int layer_fill(int dir, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		int r = entry_make(dir, i);

		if (r < 0)
			return err_sys(err, r, "make /%s of the image host", entries[i].path);
	}
	return 0;
}

/* In tmp/, then by rename: whoever looks sees a whole layer or none. */
static int layer_make(struct engine *engine, const char *name, struct err *err)
{
	_cleanup_close_ int host = dir_open_make(engine->root, "host", 0700, err);
	_cleanup_close_ int dir = -1;
	struct work work = WORK_NONE;
	int r = host < 0 ? host : work_open(engine->root, &work, err);

	if (r == 0) {
		dir = dir_open_make(work.dir, "layer", 0755, err);
		r = dir < 0 ? dir : layer_fill(dir, err);
	}
	engine_kill_point("host-layer-made");
	if (r == 0)
		r = work_sync(&work, err);
	/* EEXIST: another command was first */
	if (r == 0 && renameat2(work.dir, "layer", host, name, RENAME_NOREPLACE) < 0 &&
	    errno != EEXIST)
		r = err_sys(err, errno, "keep the root file system of the image host");
	work_close(&work);
	return r;
}

char *host_image_layer(struct engine *engine, struct err *err)
{
	_cleanup_free_ char *name = str_printf("%016llx", (unsigned long long)layer_key());
	_cleanup_free_ char *path = str_printf("%s/host/%s", engine->settings.root, name);

	if (access(path, F_OK) < 0 && layer_make(engine, name, err) < 0)
		return NULL;
	return ptr_take(&path);
}

int host_image_mounts(struct spec *spec, struct err *err)
{
	static const char *const folders[] = { "/usr",	 "/bin",   "/sbin",  "/lib",
					       "/lib32", "/lib64", "/libx32" };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct spec_mount mount = { .kind = SPEC_MOUNT_BIND, .source_fd = -1 };
		struct stat st;

		if (lstat(folders[i], &st) < 0 || !S_ISDIR(st.st_mode)) {
			if (i == 0)
				return err_set(err, ENOENT, "this host has no /usr");
			continue;
		}
		mount.source = str_dup(folders[i]);
		mount.destination = str_dup(folders[i]);
		mount.attr_set = MOUNT_ATTR_RDONLY;
		mount.optional_map = true;
		spec_mount_map(spec, &mount);
		spec_add_mount(spec, &mount);
	}
	return 0;
}
