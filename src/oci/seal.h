/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container whose root is the host's could write to the file of a runtime that it gets to see as /proc/self/exe
 * (CVE-2019-5736): what makes processes in containers runs from a sealed copy in memory, or from a read-only file system. */
#ifndef CLOCHE_OCI_SEAL_H
#define CLOCHE_OCI_SEAL_H

/* Execute this program anew from such a copy, unless it runs from one; ends the program when it cannot. */
void seal_self(char **argv);

#endif
