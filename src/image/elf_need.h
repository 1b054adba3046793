/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an ELF file asks of the machine that runs it, by its notes (elf(5)): the lowest kernel release (.note.ABI-tag, which glibc checks at
 * start) and the micro-architecture level of x86-64 (.note.gnu.property). Foreign bytes: every offset is checked.
 */
#ifndef CLOCHE_IMAGE_ELF_NEED_H
#define CLOCHE_IMAGE_ELF_NEED_H

#include <stdbool.h>
#include <stdint.h>

struct elf_need {
	unsigned int kernel[3]; /* 0.0.0: it does not say */
	unsigned int level;	/* x86-64-v2 is 2; 0: it does not say, or another architecture */
	unsigned int machine;	/* EM_X86_64...; 0: not an ELF file */
};

/* System calls that a file's code makes by itself, found in the machine code: a number put into the register for it and the call's instruction
 * close behind. A libc has its calls so; what it does otherwise is not seen. */
enum { ELF_CALLS_MOST = 511 }; /* the largest number */
struct elf_calls {
	uint64_t bits[(ELF_CALLS_MOST + 64) / 64];
	unsigned int count;
};
/* Code of this machine's kind alone. Never fails. */
void elf_calls_read(int fd, struct elf_calls *ret);
bool elf_calls_has(const struct elf_calls *calls, unsigned int number);

/* Never fails: what cannot be read asks for nothing. */
void elf_need_read(int fd, struct elf_need *ret);
/* The level of this machine's processor, from the flags of /proc/cpuinfo; 0: not x86-64. */
unsigned int elf_level_of_flags(const char *cpuinfo);

#endif
