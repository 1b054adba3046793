/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rpm's own database (ndb: Packages.db of SUSE), as rpm's lib/backend/ndb/rpmpkg.c writes it. All numbers are little-endian, of 32 bits:
 *
 *	"RpmP" version generation pages 0 0 0 0		the first two places for slots are the head
 *	"Slot" package block blocks			of 16 bytes each, to the end of so many pages of 4,096 bytes; package 0: free
 *	"BlbS" package generation length, header...	at 16 times the block: a package, its header as of rpm_header.h
 *
 * Foreign bytes: every offset is checked, what is not a package's is left out.
 */
#ifndef CLOCHE_TRANSFER_RPM_NDB_H
#define CLOCHE_TRANSFER_RPM_NDB_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

bool rpm_ndb_is(const unsigned char *bytes, size_t size);

/* Append the packages to text. -EBADMSG: the slots are not all there. */
int rpm_ndb_tell(const unsigned char *bytes, size_t size, struct buf *text, struct err *err);

#endif
