/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/elf_need.h"

#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

enum { HEADERS_MOST = 64, NOTES_MOST_BYTES = 65536, CODE_MOST_BYTES = 16 << 20 };

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

static bool head_read(int fd, Elf64_Ehdr *head)
{
	return pread(fd, head, sizeof(*head), 0) == (ssize_t)sizeof(*head) &&
	       memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 &&
	       head->e_ident[EI_CLASS] == ELFCLASS64 && head->e_ident[EI_DATA] == ELFDATA2LSB &&
	       head->e_phentsize == sizeof(Elf64_Phdr);
}

/* The bytes of the index-th segment when it is of that type and has these flags, at most `most`; NULL: not. The caller frees. */
static unsigned char *segment_read(int fd, const Elf64_Ehdr *head, unsigned int index,
				   Elf64_Word type, Elf64_Word flags, size_t most,
				   Elf64_Phdr *segment)
{
	_cleanup_free_ unsigned char *bytes = NULL;

	if (pread(fd, segment, sizeof(*segment),
		  (off_t)(head->e_phoff + index * sizeof(*segment))) != (ssize_t)sizeof(*segment) ||
	    segment->p_type != type || (segment->p_flags & flags) != flags ||
	    segment->p_filesz > most)
		return NULL;
	bytes = mem_new(segment->p_filesz + 1);
	return pread(fd, bytes, segment->p_filesz, (off_t)segment->p_offset) ==
			       (ssize_t)segment->p_filesz ?
		       ptr_take(&bytes) :
		       NULL;
}

void elf_need_read(int fd, struct elf_need *ret)
{
	struct elf_need need = { 0 };
	Elf64_Ehdr head;

	*ret = need;
	if (!head_read(fd, &head))
		return;
	need.machine = head.e_machine;
	for (unsigned int i = 0; i < head.e_phnum && i < HEADERS_MOST; i++) {
		Elf64_Phdr segment;
		_cleanup_free_ unsigned char *notes =
			segment_read(fd, &head, i, PT_NOTE, 0, NOTES_MOST_BYTES, &segment);

		if (notes)
			notes_read(notes, segment.p_filesz, segment.p_align, &need);
	}
	*ret = need;
}

static void call_add(struct elf_calls *calls, uint32_t number)
{
	if (number > ELF_CALLS_MOST || elf_calls_has(calls, number))
		return;
	calls->bits[number / 64] |= UINT64_C(1) << (number % 64);
	calls->count++;
}

#if defined(__aarch64__)
enum { OWN_MACHINE = EM_AARCH64, BACK_MOST = 10 }; /* instructions */

/* movz x8 or w8, #NUMBER ... svc #0 */
static void calls_find(const unsigned char *code, size_t size, struct elf_calls *calls)
{
	for (size_t at = 0; at + 4 <= size; at += 4) {
		uint32_t word;

		memcpy(&word, code + at, sizeof(word));
		if (word != 0xd4000001)
			continue;
		for (size_t back = 1; back <= BACK_MOST && back * 4 <= at; back++) {
			memcpy(&word, code + at - back * 4, sizeof(word));
			if ((word & 0x7fe0001f) != 0x52800008)
				continue;
			call_add(calls, (word >> 5) & 0xffff);
			break;
		}
	}
}
#else
enum { OWN_MACHINE = EM_X86_64, BACK_MOST = 40 }; /* bytes */

/* mov $NUMBER, %eax ... syscall */
static void calls_find(const unsigned char *code, size_t size, struct elf_calls *calls)
{
	for (size_t at = 5; at + 2 <= size; at++) {
		if (code[at] != 0x0f || code[at + 1] != 0x05)
			continue;
		for (size_t back = 5; back <= BACK_MOST && back <= at; back++) {
			uint32_t number;

			memcpy(&number, code + at - back + 1, sizeof(number));
			if (code[at - back] != 0xb8 || number > ELF_CALLS_MOST)
				continue;
			call_add(calls, number);
			break;
		}
	}
}
#endif

void elf_calls_read(int fd, struct elf_calls *ret)
{
	struct elf_calls calls = { 0 };
	Elf64_Ehdr head;

	*ret = calls;
	if (!head_read(fd, &head) || head.e_machine != OWN_MACHINE)
		return;
	for (unsigned int i = 0; i < head.e_phnum && i < HEADERS_MOST; i++) {
		Elf64_Phdr segment;
		_cleanup_free_ unsigned char *code =
			segment_read(fd, &head, i, PT_LOAD, PF_X, CODE_MOST_BYTES, &segment);

		if (code)
			calls_find(code, segment.p_filesz, &calls);
	}
	*ret = calls;
}

bool elf_calls_has(const struct elf_calls *calls, unsigned int number)
{
	return number <= ELF_CALLS_MOST && (calls->bits[number / 64] >> (number % 64) & 1) != 0;
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
