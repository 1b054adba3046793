/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/elf_need.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

static void levels_come_from_the_processors_flags(void **state)
{
	(void)state;
	assert_int_equal(elf_level_of_flags("processor: 0\nflags\t: lm sse2\n"), 1);
	assert_int_equal(
		elf_level_of_flags("\nflags\t: lm cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3 avx\n"),
		2);
	assert_int_equal(elf_level_of_flags("\nFeatures: fp asimd\n"), 0);
}

static void calls_of_this_program_are_found_in_it(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf_calls calls;

	(void)state;
	/* the one call that is made here, whatever libc is linked */
#if defined(__x86_64__)
	__asm__ volatile("mov %0, %%eax\n\tsyscall"
			 :
			 : "i"(SYS_getppid)
			 : "rax", "rcx", "r11", "memory");
#elif defined(__aarch64__)
	__asm__ volatile("mov x8, %0\n\tsvc #0" : : "i"(SYS_getppid) : "x0", "x8", "memory");
#endif
	elf_calls_read(fd, &calls);
	assert_true(calls.count > 0);
	assert_true(elf_calls_has(&calls, SYS_getppid));
	assert_false(elf_calls_has(&calls, SYS_reboot));
	assert_false(elf_calls_has(&calls, ELF_CALLS_MOST + 1));
}

static void what_is_no_elf_file_asks_for_nothing(void **state)
{
	_cleanup_close_ int fd = memfd_create("x", MFD_CLOEXEC);
	struct elf_calls calls;
	struct elf_need need;

	(void)state;
	assert_int_equal(fd_write_all(fd,
				      "\x7f"
				      "ELF\x0f\x05",
				      6),
			 0);
	elf_calls_read(fd, &calls);
	elf_need_read(fd, &need);
	assert_int_equal(calls.count, 0);
	assert_int_equal(need.machine, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_come_from_the_processors_flags),
		cmocka_unit_test(calls_of_this_program_are_found_in_it),
		cmocka_unit_test(what_is_no_elf_file_asks_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
