/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text in columns as Go's text/tabwriter sets it (minimal width 10, padding 3, as Docker's lists have it): a cell ends with a tab;
 * cells above each other in consecutive lines are a column; what stands behind the last tab belongs to none. */
#ifndef CLOCHE_BASE_TABLE_H
#define CLOCHE_BASE_TABLE_H

struct buf;

/* Add `text`, lines with tabs, to out. Widths count characters, not bytes. */
void table_align(struct buf *out, const char *text);
/* With another minimal width: `top` has 20. */
void table_align_width(struct buf *out, const char *text, unsigned int least);

#endif
