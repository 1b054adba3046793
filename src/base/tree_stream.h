/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tree of files on its way through a pipe, between two processes that see different user ids: one packs what it sees, the
 * other unpacks beneath a folder. Neither needs a library, so the one that works inside a container opens nothing there but
 * what it copies.
 *
 * 1. Names are single components; who unpacks refuses others, whatever wrote them.
 * 2. What is opened is opened beneath a descriptor without following a link, and only regular files are read: a link that
 *    a container puts in the way at any moment is copied as a link, a fifo never waits.
 *
 * Format: an entry, its name and target, and `size` bytes when it is a file; after a folder come its entries and TREE_LEAVE;
 * TREE_END ends all. TREE_ERROR carries the other side's words.
 */
#ifndef CLOCHE_BASE_TREE_STREAM_H
#define CLOCHE_BASE_TREE_STREAM_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

enum tree_kind {
	TREE_END,
	TREE_ERROR, /* target: words; mode: errno */
	TREE_FOLDER,
	TREE_LEAVE,
	TREE_FILE,
	TREE_SYMLINK,
	TREE_FIFO,
	TREE_DELETED, /* of a layer: the name is gone */
	TREE_OPAQUE,  /* of a layer: the folder hides what lies below it */
};

/* `size` of a TREE_FOLDER */
enum {
	TREE_WHOLE = 0,
	TREE_INSIDE_ONLY = 1, /* what is in it is meant, not it */
	TREE_ON_THE_WAY = 2,  /* it keeps what it is when it is there */
};

struct tree_entry {
	uint32_t kind, mode, uid, gid;
	int64_t size, mtime_s, mtime_ns;
	uint32_t capability_length; /* security.capability, as a file system without id map has it */
	unsigned char capability[24];
	char name[NAME_MAX + 1];
	char target[PATH_MAX];
};

enum tree_flag {
	/* pack: whiteouts of an overlay's upper folder are TREE_DELETED and TREE_OPAQUE; the empty places that every
	 * container's start makes for mounts are left out */
	TREE_LAYER = 1,
	/* pack: not the folder itself, what is in it */
	TREE_INSIDE = 2,
	/* unpack: numbers as they come; an id that does not exist here is an error */
	TREE_KEEP_OWNER = 4,
	/* unpack: numbers as they come, or those of the unpacking process */
	TREE_TRY_OWNER = 8,
};

/* The object `name` in folder dir; with TREE_INSIDE, dir itself. End it with tree_end. */
int tree_pack(int out, int dir, const char *name, unsigned int flags, struct err *err);
/* An open file or folder under a name: what a link leads to. */
int tree_pack_fd(int out, int fd, const char *name, unsigned int flags, struct err *err);
int tree_end(int out, const struct err *err); /* code 0: well */

/* "/etc/hosts" and its kin: made empty by a start, for a mount. path: absolute. */
bool tree_is_mount_place(const char *path);

int tree_put(int out, const struct tree_entry *entry, struct err *err);
/* 0 and the entry, whole and with a good name. -EPIPE: it ended too early. TREE_ERROR comes back as the error it is. */
int tree_get(int in, struct tree_entry *ret_entry, struct err *err);
/* The bytes of a file that tree_get told of: to a descriptor, -1 drops them. */
int tree_bytes(int in, int64_t size, int out, struct err *err);

/* The entry that was got, and all below it, into dir under `name`. What is there of another type is an error when it is a
 * folder, or replaced. */
int tree_unpack(int in, const struct tree_entry *first, int dir, const char *name,
		unsigned int flags, struct err *err);
/* What follows up to TREE_END or TREE_LEAVE, into dir. */
int tree_unpack_inside(int in, int dir, unsigned int flags, struct err *err);

#endif
