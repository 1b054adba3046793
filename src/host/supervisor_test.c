/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/supervisor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/cgroup_owner.h"

#define SAYS(words, e, i, n, p) says(words, sizeof(words), e, i, n, p)

static void says(const char *words, size_t length, enum host_engine engine, const char *id,
		 const char *name, const char *part)
{
	struct cgroup_owner owner = { .engine = ENGINE_OTHER, .id = "pid:[1]" };

	supervisor_parse(words, length, &owner);
	assert_string_equal(host_engine_word(owner.engine), host_engine_word(engine));
	assert_string_equal(owner.id, id);
	assert_string_equal(owner.name, name);
	assert_string_equal(owner.part, part);
}

static void each_supervisor_is_understood(void **state)
{
	(void)state;
	SAYS("/usr/bin/conmon\0--api-version\0001\0-c\0abc\0-u\0abc\0-n\0web\0--exit-dir\0/run/libpod/exits",
	     ENGINE_PODMAN, "abc", "web", "");
	SAYS("/usr/bin/conmon\0-c\0abc\0-n\0k8s_web\0--exit-dir=/var/run/crio/exits", ENGINE_CRIO,
	     "abc", "k8s_web", "");
	SAYS("/usr/bin/containerd-shim-runc-v2\0-namespace\0moby\0-id\0abc\0-address\0/x",
	     ENGINE_DOCKER, "abc", "", "");
	SAYS("containerd-shim-runc-v2\0-namespace\0default\0-id\0web", ENGINE_CONTAINERD, "web", "",
	     "default");
	SAYS("containerd-shim-runc-v2\0-namespace\0k8s.io\0-id\0abc", ENGINE_KUBERNETES, "abc", "",
	     "");
	SAYS("systemd-nspawn\0-D\0/srv/web\0-b", ENGINE_NSPAWN, "", "web", "");
	SAYS("/usr/bin/systemd-nspawn\0--directory=/srv/x\0--machine=web", ENGINE_NSPAWN, "", "web",
	     "");
	SAYS("[lxc monitor] /var/lib/lxc web", ENGINE_LXC, "", "web", "");
	SAYS("lxc-start\0-F\0-n\0web", ENGINE_LXC, "", "web", "");
	SAYS("cloche-monitor\0web\0abcdef012345678901234567890123456789", ENGINE_CLOCHE,
	     "abcdef012345", "web", "");
}

static void others_say_nothing(void **state)
{
	(void)state;
	SAYS("unshare\0-p\0-f\0sh", ENGINE_OTHER, "pid:[1]", "", "");
	SAYS("conmonitor\0-c\0abc", ENGINE_OTHER, "pid:[1]", "", "");
	SAYS("cloche-monitor\0web", ENGINE_OTHER, "pid:[1]", "", "");
	says("", 0, ENGINE_OTHER, "pid:[1]", "", "");
}

static void an_option_without_its_value_is_none(void **state)
{
	static const char words[] = "x\0-c";

	(void)state;
	assert_null(supervisor_option(words, sizeof(words), "-c"));
	assert_null(supervisor_option(words, sizeof(words), "--long"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_supervisor_is_understood),
		cmocka_unit_test(others_say_nothing),
		cmocka_unit_test(an_option_without_its_value_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
