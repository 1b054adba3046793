/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Go's fmt.Sprintf over the values of a template: %v %s %q %d %x %X %o %b %c %U %t %f %e %g %T %%, with flags, width and
 * precision, and Go's words for what does not fit ("%!d(string=x)"). */
#ifndef CLOCHE_BASE_TEMPLATE_PRINTF_H
#define CLOCHE_BASE_TEMPLATE_PRINTF_H

#include <stddef.h>

struct buf;
struct value;

void template_printf(struct buf *out, const char *format, const struct value *args, size_t count);

#endif
