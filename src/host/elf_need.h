/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an ELF file asks of the machine that runs it, by its notes (elf(5)): the lowest kernel release (.note.ABI-tag, which glibc checks at
 * start) and the micro-architecture level of x86-64 (.note.gnu.property). Foreign bytes: every offset is checked.
 */
#ifndef CLOCHE_HOST_ELF_NEED_H
#define CLOCHE_HOST_ELF_NEED_H

struct elf_need {
	unsigned int kernel[3]; /* 0.0.0: it does not say */
	unsigned int level;	/* x86-64-v2 is 2; 0: it does not say, or another architecture */
	unsigned int machine;	/* EM_X86_64...; 0: not an ELF file */
};

/* Never fails: what cannot be read asks for nothing. */
void elf_need_read(int fd, struct elf_need *ret);
/* The level of this machine's processor, from the flags of /proc/cpuinfo; 0: not x86-64. */
unsigned int elf_level_of_flags(const char *cpuinfo);

#endif
