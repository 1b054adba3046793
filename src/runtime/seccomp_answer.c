/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/seccomp_answer.h"

#include <linux/audit.h>
#include <stddef.h>
#include <string.h>

#include "runtime/seccomp.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

/* Jumps go forwards only (bpf_check_classic() in net/core/filter.c), so it ends. */
uint32_t seccomp_answer(const struct seccomp_program *program, const struct seccomp_data *data)
{
	uint32_t word = 0;

	for (size_t at = 0; at < program->length;) {
		const struct sock_filter *insn = &program->filter[at++];
		bool yes = false;

		switch (insn->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (insn->k % 4 != 0 || insn->k >= sizeof(*data))
				return SECCOMP_RET_KILL_PROCESS;
			memcpy(&word, (const char *)data + insn->k, sizeof(word));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			word &= insn->k;
			continue;
		case BPF_RET | BPF_K:
			return insn->k;
		case BPF_JMP | BPF_JA:
			at += insn->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = word == insn->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = word > insn->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = word >= insn->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = (word & insn->k) != 0;
			break;
		default:
			return SECCOMP_RET_KILL_PROCESS;
		}
		at += yes ? insn->jt : insn->jf;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

bool seccomp_lets_pass(const struct seccomp_program *program, long number, uint64_t first,
		       uint64_t second)
{
	struct seccomp_data data = { .nr = (int)number, .arch = NATIVE, .args = { first, second } };
	uint32_t action;

	if (!program)
		return true;
	action = seccomp_answer(program, &data) & SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}
