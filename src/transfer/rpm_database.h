/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packages of an rpm database, as dpkg's status file would tell them: "Package: bash\nVersion: 0:5.2-1\n\n"...
 *
 * By its first bytes it is SQLite's file (rpmdb.sqlite; Fedora 33, RHEL 9 and later), Berkeley DB's hash (Packages; before those), or rpm's own form
 * (Packages.db; SUSE; rpm_ndb.h), whose values are headers (rpm_header.h). The file comes from an image: it is read in a
 * sandboxed child that has nothing else open, SQLite sees a copy in memory and never a file.
 */
#ifndef CLOCHE_TRANSFER_RPM_DATABASE_H
#define CLOCHE_TRANSFER_RPM_DATABASE_H

struct err;
struct work;

/* From in, a regular file at its start, to out. -EMEDIUMTYPE: another form; -EBADMSG: damaged; what is refused has words. */
int rpm_database_tell(const struct work *work, int in, int out, struct err *err);

#endif
