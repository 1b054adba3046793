/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/elf_need.h"

#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

enum { HEADERS_MOST = 64, NOTES_MOST_BYTES = 65536 };

/* One note whose name is "GNU". */
static void note_read(unsigned int type, const unsigned char *data, size_t size,
		      struct elf_need *need)
{
	if (type == NT_GNU_ABI_TAG && size >= 16) {
		uint32_t words[4];

		memcpy(words, data, sizeof(words));
		if (words[0] == ELF_NOTE_OS_LINUX)
			memcpy(need->kernel, words + 1, sizeof(need->kernel));
		return;
	}
	/* properties: type, length, data, each at a multiple of 8 */
	while (type == NT_GNU_PROPERTY_TYPE_0 && size >= 8) {
		uint32_t head[2], value;
		size_t step;

		memcpy(head, data, sizeof(head));
		if (head[1] > size - 8)
			return;
		if (head[0] == 0xc0008002u && head[1] == 4) { /* GNU_PROPERTY_X86_ISA_1_NEEDED */
			memcpy(&value, data + 8, sizeof(value));
			for (unsigned int bit = 0; bit < 4; bit++)
				if (value & (1u << bit))
					need->level = bit + 1;
		}
		step = 8 + (((size_t)head[1] + 7) & ~(size_t)7);
		if (step > size)
			return;
		data += step;
		size -= step;
	}
}

static void notes_read(const unsigned char *p, size_t size, size_t align, struct elf_need *need)
{
	align = align == 8 ? 8 : 4;
	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr head;
		size_t name, data;

		memcpy(&head, p, sizeof(head));
		p += sizeof(head);
		size -= sizeof(head);
		name = ((size_t)head.n_namesz + 3) & ~(size_t)3;
		if (align == 8)
			name = (((size_t)head.n_namesz + 12 + 7) & ~(size_t)7) - 12;
		data = ((size_t)head.n_descsz + align - 1) & ~(align - 1);
		if (name > size || head.n_descsz > size - name)
			return;
		if (head.n_namesz == 4 && memcmp(p, "GNU", 4) == 0)
			note_read(head.n_type, p + name, head.n_descsz, need);
		if (data > size - name)
			return;
		p += name + data;
		size -= name + data;
	}
}

void elf_need_read(int fd, struct elf_need *ret)
{
	struct elf_need need = { 0 };
	Elf64_Ehdr head;

	*ret = need;
	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_phentsize != sizeof(Elf64_Phdr))
		return;
	need.machine = head.e_machine;
	for (unsigned int i = 0; i < head.e_phnum && i < HEADERS_MOST; i++) {
		_cleanup_free_ unsigned char *notes = NULL;
		Elf64_Phdr segment;

		if (pread(fd, &segment, sizeof(segment),
			  (off_t)(head.e_phoff + i * sizeof(segment))) != (ssize_t)sizeof(segment))
			break;
		if (segment.p_type != PT_NOTE || segment.p_filesz > NOTES_MOST_BYTES)
			continue;
		notes = mem_new(segment.p_filesz + 1);
		if (pread(fd, notes, segment.p_filesz, (off_t)segment.p_offset) ==
		    (ssize_t)segment.p_filesz)
			notes_read(notes, segment.p_filesz, segment.p_align, &need);
	}
	*ret = need;
}

/* x86-64 psABI, "Micro-Architecture Levels", by the kernel's names of the flags */
unsigned int elf_level_of_flags(const char *cpuinfo)
{
	static const char *const levels[][12] = {
		{ "lm", NULL },
		{ "cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3", NULL },
		{ "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave", NULL },
		{ "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", NULL },
	};
	const char *flags = strstr(cpuinfo, "\nflags");
	_cleanup_free_ char *line = NULL;
	unsigned int level = 0;

	if (!flags || !(flags = strchr(flags, ':')))
		return 0;
	line = str_printf(" %.*s ", (int)strcspn(flags + 1, "\n"), flags + 1);
	for (; level < ARRAY_SIZE(levels); level++)
		for (size_t i = 0; levels[level][i]; i++) {
			_cleanup_free_ char *word = str_printf(" %s ", levels[level][i]);

			if (!strstr(line, word))
				return level;
		}
	return level;
}
