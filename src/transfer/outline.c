/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/outline.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "image/digest.h"
#include "image/sha256.h"
#include "transfer/message.h"

enum { PIECE = 256 * 1024, SMALL = 1024, REPORT_MAX = 8 << 20 };

static const char format[] = "cloche outline 1\n";

struct head {
	uint64_t bytes; /* of the archive, behind the name */
	uint64_t size;	/* of the named file */
	uint64_t name;	/* bytes of the name; 0: the end */
};

bool outline_wants(uint64_t size)
{
	return size >= SMALL;
}

bool outline_place_report(struct buf *report, const struct outline_place *place, const char *name)
{
	_cleanup_(buf_clear) struct buf data = BUF_EMPTY;

	if (report->length > REPORT_MAX)
		return false;
	buf_add(&data, place, sizeof(*place));
	buf_add(&data, name, strlen(name));
	message_add(report, MESSAGE_PLACE, data.data, data.length);
	return true;
}

/* -- what goes through here, in large pieces ---------------------------------------------------- */

struct sink {
	int out;
	struct sha256 *hash; /* or NULL */
	char *piece;
	size_t used;
	uint64_t total;
};

static int sink_flush(struct sink *sink, struct err *err)
{
	int r = fd_write_all(sink->out, sink->piece, sink->used);

	if (sink->hash)
		sha256_add(sink->hash, sink->piece, sink->used);
	sink->total += sink->used;
	sink->used = 0;
	return r < 0 ? err_sys(err, r, "write") : 0;
}

static int sink_add(struct sink *sink, const void *bytes, size_t length, struct err *err)
{
	const char *from = bytes;

	while (length > 0) {
		size_t room = PIECE - sink->used, part = length < room ? length : room;

		memcpy(sink->piece + sink->used, from, part);
		sink->used += part;
		from += part;
		length -= part;
		if (sink->used == PIECE && sink_flush(sink, err) < 0)
			return -err->code;
	}
	return 0;
}

/* length bytes of a file. offset: moves on. */
static int sink_copy(struct sink *sink, int fd, uint64_t *offset, uint64_t length, struct err *err)
{
	while (length > 0) {
		size_t room = PIECE - sink->used;
		ssize_t n = pread(fd, sink->piece + sink->used,
				  length < room ? (size_t)length : room, (off_t)*offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0)
			return err_set(err, EBADMSG, "it ends early");
		sink->used += (size_t)n;
		*offset += (uint64_t)n;
		length -= (uint64_t)n;
		if (sink->used == PIECE && sink_flush(sink, err) < 0)
			return -err->code;
	}
	return 0;
}

/* -- from the archive --------------------------------------------------------------------------- */

static int add_record(struct sink *sink, const struct outline_archive *archive, uint64_t from,
		      uint64_t bytes, const struct outline_place *place, const char *name,
		      size_t length, struct err *err)
{
	const struct head head = { htole64(bytes), htole64(place->size), htole64(length) };
	uint64_t offset = archive->offset + from;
	int r = sink_add(sink, &head, sizeof(head), err);

	if (r == 0)
		r = sink_add(sink, name, length, err);
	return r < 0 ? r : sink_copy(sink, archive->fd, &offset, bytes, err);
}

static int add_records(struct sink *sink, const struct outline_archive *archive,
		       const struct buf *report, struct err *err)
{
	struct message m;
	uint64_t done = 0;
	size_t at = 0;

	while (message_next(report, &at, &m) == 1) {
		struct outline_place place;
		size_t length = m.length - sizeof(place);
		int r;

		if (m.kind != MESSAGE_PLACE)
			continue;
		if (m.length <= sizeof(place) || length >= PATH_MAX ||
		    memchr(m.data + sizeof(place), '\0', length))
			return err_set(err, EBADMSG, "a reported file has no name");
		memcpy(&place, m.data, sizeof(place));
		if (place.offset < done || place.offset > archive->length ||
		    place.size > archive->length - place.offset)
			return err_set(err, EBADMSG, "a reported file is not in the archive");
		r = add_record(sink, archive, done, place.offset - done, &place,
			       m.data + sizeof(place), length, err);
		if (r < 0)
			return r;
		done = place.offset + place.size;
	}
	return add_record(sink, archive, done, archive->length - done, &(struct outline_place){ 0 },
			  "", 0, err);
}

int outline_write(int fd, const struct outline_archive *archive, const struct buf *report,
		  struct err *err)
{
	_cleanup_free_ char *piece = mem_new(PIECE);
	struct sink sink = { .out = fd, .piece = piece };
	int r = sink_add(&sink, format, strlen(format), err);

	if (r == 0)
		r = add_records(&sink, archive, report, err);
	if (r == 0)
		r = sink_flush(&sink, err);
	return r < 0 ? err_wrap(err, "write the archive's outline") : 0;
}

/* -- the archive again -------------------------------------------------------------------------- */

struct rebuild {
	int outline, layer;
	uint64_t at; /* in the outline */
	struct sink sink;
};

static int read_next(struct rebuild *b, void *bytes, size_t length, struct err *err)
{
	ssize_t n;

	do
		n = pread(b->outline, bytes, length, (off_t)b->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "read");
	if ((size_t)n != length)
		return err_set(err, EBADMSG, "it ends early");
	b->at += length;
	return 0;
}

static int add_file(struct rebuild *b, const char *name, uint64_t size, struct err *err)
{
	_cleanup_close_ int fd =
		sys_openat2(b->layer, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
			    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	uint64_t offset = 0;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open %.400s of the layer", name);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return err_set(err, EBADMSG, "%.400s of the layer is not what it was", name);
	r = sink_copy(&b->sink, fd, &offset, size, err);
	return r < 0 ? err_wrap(err, "%.400s of the layer", name) : 0;
}

static int add_all(struct rebuild *b, struct err *err)
{
	char name[PATH_MAX] = "";
	struct head head;
	int r = read_next(b, name, strlen(format), err);

	if (r == 0 && strcmp(name, format) != 0)
		return err_set(err, EBADMSG, "its format is not known");
	while (r == 0) {
		uint64_t length;

		r = read_next(b, &head, sizeof(head), err);
		length = r < 0 ? 0 : le64toh(head.name);
		if (length >= sizeof(name))
			return err_set(err, EBADMSG, "a name in it is too long");
		if (length > 0)
			r = read_next(b, name, (size_t)length, err);
		name[length] = '\0';
		if (r == 0)
			r = sink_copy(&b->sink, b->outline, &b->at, le64toh(head.bytes), err);
		if (r == 0 && length == 0)
			return sink_flush(&b->sink, err);
		if (r == 0)
			r = add_file(b, name, le64toh(head.size), err);
	}
	return r;
}

static int open_both(int root, const char *digest, int *ret_folder, struct rebuild *b)
{
	_cleanup_free_ char *layer = str_printf("layers/%s", digest_hex(digest));
	_cleanup_close_ int folder =
		openat(root, "outlines", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (folder < 0)
		return -errno;
	b->outline = openat(folder, digest_hex(digest), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (b->outline < 0)
		return -errno;
	b->layer = openat(root, layer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (b->layer < 0)
		return -errno;
	*ret_folder = fd_take(&folder);
	return 0;
}

bool outline_there(int root, const char *digest)
{
	_cleanup_free_ char *layer = str_printf("layers/%s", digest_hex(digest));
	_cleanup_free_ char *outline = str_printf("outlines/%s", digest_hex(digest));

	return faccessat(root, outline, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	       faccessat(root, layer, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int rebuild_to(struct rebuild *b, const char *digest, int out, struct err *err)
{
	_cleanup_(sha256_clear) struct sha256 hash = SHA256_EMPTY;
	_cleanup_free_ char *piece = mem_new(PIECE);
	char is[DIGEST_SIZE];
	int r;

	sha256_init(&hash);
	b->sink = (struct sink){ .out = out, .hash = &hash, .piece = piece };
	r = add_all(b, err);
	if (r < 0)
		return r;
	sha256_end(&hash, is);
	if (strcmp(is, digest) != 0)
		return err_set(err, EBADMSG, "with the layer as it is now it gives %s", is);
	return 0;
}

static int rebuild(struct rebuild *b, int folder, const char *digest, struct err *err)
{
	_cleanup_close_ int out = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int r = out < 0 ? err_sys(err, errno, "make a file") : rebuild_to(b, digest, out, err);

	if (r < 0)
		return r;
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "seek");
	return fd_take(&out);
}

int outline_rebuild(int root, const char *digest, uint64_t *ret_size, struct err *err)
{
	_cleanup_close_ int folder = -1;
	struct rebuild b = { .outline = -1, .layer = -1 };
	int r = open_both(root, digest, &folder, &b), fd;

	fd = r < 0 ? err_sys(err, r, "open the outline of %s", digest) :
		     rebuild(&b, folder, digest, err);
	if (r == 0 && fd < 0)
		err_wrap(err, "build the archive %s from its outline", digest);
	if (fd >= 0)
		*ret_size = b.sink.total;
	fd_close(b.outline);
	fd_close(b.layer);
	return fd;
}

static int add_sizes(struct rebuild *b, uint64_t *size, struct err *err)
{
	struct head head = { .name = 1 };
	int r = 0;

	*size = 0;
	b->at = strlen(format);
	while (r == 0 && head.name) {
		r = read_next(b, &head, sizeof(head), err);
		b->at += le64toh(head.name) + le64toh(head.bytes);
		*size += le64toh(head.bytes) + le64toh(head.size);
	}
	b->at = 0;
	return r;
}

int outline_send(int root, const char *digest,
		 int (*begin)(void *data, uint64_t size, struct err *err), void *data, int out,
		 struct err *err)
{
	_cleanup_close_ int folder = -1;
	struct rebuild b = { .outline = -1, .layer = -1 };
	uint64_t size = 0;
	int r = open_both(root, digest, &folder, &b);

	if (r < 0)
		r = err_sys(err, r, "open the outline of %s", digest);
	else if (add_sizes(&b, &size, err) < 0 || begin(data, size, err) < 0 ||
		 rebuild_to(&b, digest, out, err) < 0)
		r = err_wrap(err, "build the archive %s from its outline", digest);
	fd_close(b.outline);
	fd_close(b.layer);
	return r;
}
