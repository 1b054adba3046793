/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The monitor is resident once per container and mostly idle: what a burst of output touched in the static buffers is given back. */
#ifndef CLOCHE_MONITOR_PAGES_H
#define CLOCHE_MONITOR_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

/* Forget the content of whole pages within the buffer: they are zero when they are used again. */
static inline void pages_forget(char *data, size_t length)
{
	enum { PAGE = 4096 }; /* where pages are larger, madvise refuses and nothing is lost */
	uintptr_t from = ((uintptr_t)data + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	uintptr_t to = ((uintptr_t)data + length) & ~(uintptr_t)(PAGE - 1);

	if (to > from)
		(void)madvise((char *)data + (from - (uintptr_t)data), to - from, MADV_DONTNEED);
}

#endif
