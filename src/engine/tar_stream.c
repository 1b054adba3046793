/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/tar_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/tree_stream.h"
#include "engine/engine.h"

struct header { /* pax(1), "ustar Interchange Format" */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == 512, "a block");

struct tar {
	int in, out;
	enum tar_kind kind;
	struct buf path; /* of the folder at hand: "" or "a/b/" */
	struct err *err;
};

static void octal(char *field, size_t size, uint64_t value)
{
	(void)snprintf(field, size, "%0*llo", (int)size - 1, (unsigned long long)value);
}

/* "LENGTH key=value\n", where LENGTH counts itself */
static void pax_add(struct buf *records, const char *key, const void *value, size_t length)
{
	size_t rest = strlen(key) + length + 3, total = rest + 1;

	for (;;) {
		char digits[24];
		size_t n = (size_t)snprintf(digits, sizeof(digits), "%zu", total);

		if (n + rest == total)
			break;
		total = n + rest;
	}
	buf_printf(records, "%zu %s=", total, key);
	buf_add(records, value, length);
	buf_puts(records, "\n");
}

static void pax_text(struct buf *records, const char *key, const char *text)
{
	pax_add(records, key, text, strlen(text));
}

static int put(struct tar *tar, const void *bytes, size_t length)
{
	int r = fd_write_all(tar->out, bytes, length);

	return r < 0 ? err_sys(tar->err, r, "write the archive") : 0;
}

static int pad(struct tar *tar, int64_t size)
{
	static const char zeros[512];

	return size % 512 ? put(tar, zeros, (size_t)(512 - size % 512)) : 0;
}

static int header_put(struct tar *tar, struct header *header)
{
	unsigned int sum = 0;

	memcpy(header->magic, "ustar", 6);
	memcpy(header->version, "00", 2);
	memset(header->sum, ' ', sizeof(header->sum));
	for (size_t i = 0; i < sizeof(*header); i++)
		sum += ((const unsigned char *)header)[i];
	(void)snprintf(header->sum, sizeof(header->sum), "%06o", sum);
	return put(tar, header, sizeof(*header));
}

static int records_put(struct tar *tar, const struct buf *records)
{
	struct header header = { .type = 'x' };
	int r;

	(void)snprintf(header.name, sizeof(header.name), "PaxHeaders/x");
	octal(header.mode, sizeof(header.mode), 0644);
	octal(header.uid, sizeof(header.uid), 0);
	octal(header.gid, sizeof(header.gid), 0);
	octal(header.size, sizeof(header.size), records->length);
	octal(header.mtime, sizeof(header.mtime), 0);
	r = header_put(tar, &header);
	if (r == 0)
		r = put(tar, records->data, records->length);
	return r < 0 ? r : pad(tar, (int64_t)records->length);
}

/* A field that may be as long as itself, without a NUL then. */
static bool field_fits(char *field, size_t size, const char *text)
{
	size_t length = strlen(text);

	memcpy(field, text, length < size ? length : size);
	return length <= size;
}

static int entry_put(struct tar *tar, const struct tree_entry *entry, char type, const char *path)
{
	_cleanup_(buf_clear) struct buf records = BUF_EMPTY;
	struct header header = { .type = type };
	char number[32];
	int r = 0;

	if (!field_fits(header.name, sizeof(header.name), path))
		pax_text(&records, "path", path);
	if (!field_fits(header.link, sizeof(header.link), entry->target))
		pax_text(&records, "linkpath", entry->target);
	octal(header.mode, sizeof(header.mode), entry->mode & 07777);
	if (entry->uid > 07777777 || entry->gid > 07777777) {
		(void)snprintf(number, sizeof(number), "%u", entry->uid);
		pax_text(&records, "uid", number);
		(void)snprintf(number, sizeof(number), "%u", entry->gid);
		pax_text(&records, "gid", number);
	}
	octal(header.uid, sizeof(header.uid), entry->uid > 07777777 ? 0 : entry->uid);
	octal(header.gid, sizeof(header.gid), entry->gid > 07777777 ? 0 : entry->gid);
	if (entry->size > 077777777777) {
		(void)snprintf(number, sizeof(number), "%lld", (long long)entry->size);
		pax_text(&records, "size", number);
	}
	octal(header.size, sizeof(header.size),
	      entry->size > 077777777777 ? 0 : (uint64_t)entry->size);
	octal(header.mtime, sizeof(header.mtime),
	      entry->mtime_s < 0 ? 0 : (uint64_t)entry->mtime_s & 077777777777);
	if (entry->mtime_ns || entry->mtime_s < 0) {
		(void)snprintf(number, sizeof(number), "%lld.%09lld", (long long)entry->mtime_s,
			       (long long)entry->mtime_ns);
		pax_text(&records, "mtime", number);
	}
	if (entry->capability_length)
		pax_add(&records, "SCHILY.xattr.security.capability", entry->capability,
			entry->capability_length);
	octal(header.major, sizeof(header.major), 0);
	octal(header.minor, sizeof(header.minor), 0);
	if (records.length)
		r = records_put(tar, &records);
	return r < 0 ? r : header_put(tar, &header);
}

static int mark_put(struct tar *tar, const char *name)
{
	struct tree_entry mark = { .mode = 0 };
	_cleanup_free_ char *path = str_printf("%s%s", tar->path.data ? tar->path.data : "", name);

	return entry_put(tar, &mark, '0', path);
}

static int file_put(struct tar *tar, const struct tree_entry *entry, const char *path)
{
	int r = entry_put(tar, entry, '0', path);

	if (r == 0)
		r = tree_bytes(tar->in, entry->size, tar->out, tar->err);
	return r < 0 ? r : pad(tar, entry->size);
}

static void path_leave(struct buf *path)
{
	if (!path->length)
		return;
	path->length--;
	while (path->length > 0 && path->data[path->length - 1] != '/')
		path->length--;
	path->data[path->length] = '\0';
}

static int one_put(struct tar *tar, const struct tree_entry *entry)
{
	const char *folder = tar->path.data ? tar->path.data : "";
	_cleanup_free_ char *path =
		str_printf("%s%s%s", folder, entry->name, entry->kind == TREE_FOLDER ? "/" : "");
	_cleanup_free_ char *gone = NULL;

	switch (entry->kind) {
	case TREE_FOLDER:
		if (entry->size == 0) { /* else what is in it only */
			struct tree_entry copy = *entry;
			int r = entry_put(tar, &copy, '5', path);

			buf_puts(&tar->path, entry->name);
			buf_puts(&tar->path, "/");
			return r;
		}
		buf_puts(&tar->path, "./");
		return 0;
	case TREE_LEAVE:
		path_leave(&tar->path);
		return 0;
	case TREE_FILE:
		return file_put(tar, entry, path);
	case TREE_SYMLINK:
		return entry_put(tar, entry, '2', path);
	case TREE_FIFO:
		return entry_put(tar, entry, '6', path);
	case TREE_DELETED:
		gone = str_printf(".wh.%s", entry->name);
		return tar->kind == TAR_LAYER ? mark_put(tar, gone) : 0;
	case TREE_OPAQUE:
		return tar->kind == TAR_LAYER ? mark_put(tar, ".wh..wh..opq") : 0;
	default:
		return err_set(tar->err, EBADMSG, "the copy is damaged");
	}
}

int tar_from_stream(int in, int out, enum tar_kind kind, struct err *err)
{
	static const char end[1024];
	struct tar tar = { in, out, kind, BUF_EMPTY, err };
	struct tree_entry entry;
	int r;

	while ((r = tree_get(in, &entry, err)) == 0 && entry.kind != TREE_END) {
		r = one_put(&tar, &entry);
		if (r < 0)
			break;
	}
	buf_clear(&tar.path);
	return r < 0 ? r : put(&tar, end, sizeof(end));
}

/* -- reading ---------------------------------------------------------------------------------- */

int tar_to_stream(struct engine *engine, int in, int out, struct err *err)
{
	_cleanup_free_ char *program = str_printf("%s/cloche-transfer", engine->libexec);
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
			_exit(126);
		(void)execl(program, "cloche-transfer", "files", "--root", engine->settings.root,
			    (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		return err_sys(err, errno, "fork");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(err, ENOENT, "%s is not there", program);
	return status == 0 ? 0 : err_set(err, EBADMSG, "the archive could not be read to its end");
}
