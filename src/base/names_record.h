/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file that gives a container's host ids their names: what the engine writes and libnss_cloche reads. One for each range of ids:
 *
 *	/run/cloche/names/655360000         named after the first id of the range, found from an id by arithmetic
 *	    cloche-names 1 web              the format's number, the container
 *	    u 33 33 www-data                uid and gid inside, user
 *	    g 33 www-data                   gid inside, group
 *	/run/cloche/names/by-name/web       the way back: 655360000, and on the next lines the record again
 *
 * The record is the text of a symbolic link (readlink(1) prints it): one system call reads it, 0.9 us less than a regular file's three.
 * Where it is longer than a link may be, it is a regular file, and by-name has the number alone.
 *
 * It holds names and nothing else (CVE-2016-6349), each of [a-z0-9_.-] but the container's, which may have capitals. It is made
 * under another name and renamed, so that a reader sees it whole.
 */
#ifndef CLOCHE_BASE_NAMES_RECORD_H
#define CLOCHE_BASE_NAMES_RECORD_H

#include <stdint.h>

#define NAMES_FOLDER "/run/cloche/names"
#define NAMES_BY_NAME "by-name"
#define NAMES_HEAD "cloche-names 1 "

/* The pool of ranges: state/uid_range.h hands them out. */
#define NAMES_FIRST 655360000u
#define NAMES_LAST 1879048191u
enum {
	NAMES_RANGE = 65536,
	NAMES_WORD = 64,
	NAMES_LINE = 128,
	NAMES_ENTRIES = 1024,
	NAMES_LINK = 4095
};

/* The range that an id is in, 0: none. */
static inline uint32_t names_base(uint32_t id)
{
	return id < NAMES_FIRST || id > NAMES_LAST ? 0 : id - (id - NAMES_FIRST) % NAMES_RANGE;
}

#endif
