/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Name and version of one package from its rpm header as rpm's databases keep it (rpm's docs/manual/hregions.md, format.md): two big-endian counts,
 * index entries of 16 bytes, and the store of values. Foreign bytes: every offset is checked, and what is not plain is left out.
 *
 *	rpm_header_tell(bytes, size, &text);	"Package: bash\nVersion: 0:5.2-1\n\n"
 */
#ifndef CLOCHE_TRANSFER_RPM_HEADER_H
#define CLOCHE_TRANSFER_RPM_HEADER_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Append the paragraph of dpkg's form to out; [EPOCH:]VERSION-RELEASE. false: no package's header, and nothing was appended. */
bool rpm_header_tell(const unsigned char *bytes, size_t size, struct buf *out);

#endif
