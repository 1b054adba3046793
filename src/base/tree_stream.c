/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/tree_stream.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

/* What of an entry goes over the pipe before name and target. */
enum { HEAD = offsetof(struct tree_entry, name) };

struct lengths {
	uint16_t name, target;
};

int tree_put(int out, const struct tree_entry *entry, struct err *err)
{
	const struct lengths lengths = { (uint16_t)strlen(entry->name),
					 (uint16_t)strlen(entry->target) };
	char whole[HEAD + sizeof(lengths) + sizeof(entry->name) + sizeof(entry->target)];
	size_t length = 0;
	int r;

	memcpy(whole, entry, HEAD);
	length += HEAD;
	memcpy(whole + length, &lengths, sizeof(lengths));
	length += sizeof(lengths);
	memcpy(whole + length, entry->name, lengths.name);
	length += lengths.name;
	memcpy(whole + length, entry->target, lengths.target);
	r = fd_write_all(out, whole, length + lengths.target);
	return r < 0 ? err_sys(err, r, "write the copy") : 0;
}

int tree_end(int out, const struct err *err)
{
	struct tree_entry end = { .kind = err->code ? TREE_ERROR : TREE_END,
				  .mode = (uint32_t)err->code };
	struct err ignored = ERR_NONE;

	(void)str_append(end.target, sizeof(end.target), err->words);
	return tree_put(out, &end, &ignored);
}

static int read_whole(int in, void *data, size_t length, struct err *err)
{
	for (size_t done = 0; done < length;) {
		ssize_t n = read(in, (char *)data + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read the copy");
		if (n == 0)
			return err_set(err, EPIPE, "the other side of the copy ended early");
		done += (size_t)n;
	}
	return 0;
}

static bool name_good(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/');
}

int tree_get(int in, struct tree_entry *ret_entry, struct err *err)
{
	struct lengths lengths;
	int r;

	*ret_entry = (struct tree_entry){ 0 };
	r = read_whole(in, ret_entry, HEAD, err);
	if (r == 0)
		r = read_whole(in, &lengths, sizeof(lengths), err);
	if (r < 0)
		return r;
	if (lengths.name >= sizeof(ret_entry->name) ||
	    lengths.target >= sizeof(ret_entry->target) || ret_entry->size < 0 ||
	    ret_entry->capability_length > sizeof(ret_entry->capability) ||
	    ret_entry->kind > TREE_OPAQUE)
		return err_set(err, EBADMSG, "the copy is damaged");
	r = read_whole(in, ret_entry->name, lengths.name, err);
	if (r == 0)
		r = read_whole(in, ret_entry->target, lengths.target, err);
	if (r < 0)
		return r;
	if (ret_entry->kind == TREE_ERROR)
		return err_set(err, ret_entry->mode ? (int)ret_entry->mode : EIO, "%s",
			       ret_entry->target);
	if (ret_entry->kind != TREE_END && ret_entry->kind != TREE_LEAVE &&
	    ret_entry->kind != TREE_OPAQUE &&
	    (!name_good(ret_entry->name) || strlen(ret_entry->name) != lengths.name))
		return err_set(err, EBADMSG, "the copy has a file with a bad name");
	return 0;
}

int tree_bytes(int in, int64_t size, int out, struct err *err)
{
	static char block[1 << 16]; /* one copy at a time in a process */

	while (size > 0) {
		size_t part = size < (int64_t)sizeof(block) ? (size_t)size : sizeof(block);
		int r = read_whole(in, block, part, err);

		if (r == 0 && out >= 0) {
			r = fd_write_all(out, block, part);
			if (r < 0)
				return err_sys(err, r, "write");
		}
		if (r < 0)
			return r;
		size -= (int64_t)part;
	}
	return 0;
}
