/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many small pieces of work over the processors that this process may use. */
#ifndef CLOCHE_BASE_SPREAD_H
#define CLOCHE_BASE_SPREAD_H

#include <stddef.h>

/* each(data, i) for i from 0 to count - 1, in any order and side by side, when there are at least `from` of them: fewer are not worth
 * a thread. What each() writes must be the i-th's own. Returns when all are done. */
void spread(size_t count, size_t from, void (*each)(void *data, size_t i), void *data);

#endif
