/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/capability.h"
#include "runtime/spec.h"

#define BIT(n) (UINT64_C(1) << (n))
#define LIST(...) ((char *const[]){ __VA_ARGS__, NULL })

static void names_are_known_with_and_without_prefix_in_any_case(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(capability_parse("CAP_CHOWN", &err), 0);
	assert_int_equal(capability_parse("sys_admin", &err), CAP_SYS_ADMIN);
	assert_int_equal(capability_parse("Cap_Net_Raw", &err), CAP_NET_RAW);
	assert_int_equal(capability_parse("checkpoint_restore", &err), 40);
	for (unsigned int bit = 0; bit <= 40; bit++)
		assert_int_equal(capability_parse(capability_name(bit), &err), bit);
	assert_null(capability_name(41));
}

static void unknown_names_are_refused_in_dockers_words(void **state)
{
	struct err err = ERR_NONE;
	uint64_t set = 7;

	(void)state;
	assert_int_equal(capability_parse("FOO", &err), -EINVAL);
	assert_string_equal(err.words, "invalid capability: \"FOO\"");
	assert_int_equal(capability_parse("", &err), -EINVAL);
	assert_int_equal(capability_parse("CAP_", &err), -EINVAL);
	assert_int_equal(capability_resolve(NULL, LIST("NET_RAW", "cap_foo"), &set, &err), -EINVAL);
	assert_string_equal(err.words, "invalid capability: \"cap_foo\"");
	assert_int_equal(set, 7);
}

static void the_default_is_dockers_without_three(void **state)
{
	struct err err = ERR_NONE;
	uint64_t set;

	(void)state;
	assert_int_equal(__builtin_popcountll(capability_default), 11);
	assert_int_equal(capability_default, 0x800405fb);
	assert_int_equal(
		capability_default & (BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_AUDIT_WRITE)), 0);
	assert_int_equal(capability_resolve(NULL, NULL, &set, &err), 0);
	assert_int_equal(set, capability_default & capability_host_bounding());
}

static void lists_are_resolved_as_docker_does(void **state)
{
	uint64_t host = capability_host_bounding(), set;
	struct err err = ERR_NONE;

	(void)state;
	if (!(host & BIT(CAP_NET_ADMIN)) || (capability_default & ~host))
		skip();
	assert_int_equal(capability_resolve(LIST("NET_ADMIN"), LIST("chown"), &set, &err), 0);
	assert_int_equal(set, (capability_default & ~BIT(CAP_CHOWN)) | BIT(CAP_NET_ADMIN));
	assert_int_equal(capability_resolve(NULL, LIST("all"), &set, &err), 0);
	assert_int_equal(set, 0);
	assert_int_equal(
		capability_resolve(LIST("NET_ADMIN"), LIST("ALL", "NET_ADMIN"), &set, &err), 0);
	assert_int_equal(set, BIT(CAP_NET_ADMIN));
	assert_int_equal(capability_resolve(LIST("ALL"), NULL, &set, &err), 0);
	assert_int_equal(set, host);
	assert_int_equal(capability_resolve(LIST("ALL", "KILL"), LIST("KILL", "ALL"), &set, &err),
			 0);
	assert_int_equal(set, host & ~BIT(CAP_KILL));
	assert_int_equal(capability_resolve(LIST("KILL"), LIST("KILL"), &set, &err), 0);
	assert_int_equal(set, capability_default);
}

static void what_the_host_lacks_cannot_be_added_by_name(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = ERR_NONE;
		uint64_t set;

		if (prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0) < 0)
			_exit(77);
		if (capability_resolve(LIST("SYS_TIME"), NULL, &set, &err) != -EPERM)
			_exit(1);
		if (!str_suffix(err.words, "current environment: \"CAP_SYS_TIME\""))
			_exit(2);
		if (capability_resolve(LIST("ALL"), NULL, &set, &err) != 0 ||
		    (set & BIT(CAP_SYS_TIME)))
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static uint64_t status_set(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	unsigned long long value = ~0ull;

	while (f && fgets(line, sizeof(line), f))
		if (str_prefix(line, key))
			(void)sscanf(line + strlen(key), ": %llx", &value); // NOLINT(cert-err34-c)
	if (f)
		(void)fclose(f);
	return value;
}

/* As src/runtime/process.c does it, in a user namespace of its own, where root is allowed all. */
static int child_apply(const struct spec_process *process)
{
	if (geteuid() != 0 || unshare(CLONE_NEWUSER) < 0)
		return 77;
	if (capability_drop_bounding(process) < 0)
		return 1;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || capability_apply(process) < 0)
		return 2;
	if (status_set("CapBnd") != process->cap_bounding)
		return 3;
	if (status_set("CapPrm") != process->cap_permitted ||
	    status_set("CapEff") != process->cap_effective)
		return 4;
	if (status_set("CapInh") != process->cap_inheritable ||
	    status_set("CapAmb") != process->cap_ambient)
		return 5;
	return prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0 ? 0 : 6;
}

static void apply_in_child(const struct spec_process *process)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child_apply(process));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void a_child_gets_exactly_the_default(void **state)
{
	struct spec_process process = { .cap_bounding = capability_default,
					.cap_permitted = capability_default,
					.cap_effective = capability_default };

	(void)state;
	apply_in_child(&process);
}

static void ambient_and_inheritable_are_given_when_asked(void **state)
{
	uint64_t some = BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_BPF);
	struct spec_process process = { .cap_bounding = some,
					.cap_permitted = some,
					.cap_effective = BIT(CAP_BPF),
					.cap_inheritable = some,
					.cap_ambient = BIT(CAP_BPF) };

	(void)state;
	apply_in_child(&process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_known_with_and_without_prefix_in_any_case),
		cmocka_unit_test(unknown_names_are_refused_in_dockers_words),
		cmocka_unit_test(the_default_is_dockers_without_three),
		cmocka_unit_test(lists_are_resolved_as_docker_does),
		cmocka_unit_test(what_the_host_lacks_cannot_be_added_by_name),
		cmocka_unit_test(a_child_gets_exactly_the_default),
		cmocka_unit_test(ambient_and_inheritable_are_given_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
