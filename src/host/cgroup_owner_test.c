/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cgroup_owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void owner_is(const char *text, enum host_engine engine, const char *id, const char *name,
		     const char *part)
{
	struct cgroup_owner owner = { 0 };

	assert_true(cgroup_owner_parse(text, &owner));
	assert_string_equal(host_engine_word(owner.engine), host_engine_word(engine));
	assert_string_equal(owner.id, id);
	assert_string_equal(owner.name, name);
	assert_string_equal(owner.part, part);
}

static void nobodys(const char *text)
{
	struct cgroup_owner owner;

	assert_false(cgroup_owner_parse(text, &owner));
}

static void cloche_is_known_with_its_instance(void **state)
{
	(void)state;
	owner_is("0::/cloche/web-1a2b3c4d5e6f\n", ENGINE_CLOCHE, "1a2b3c4d5e6f", "web", "");
	owner_is("4:memory:/cloche-a1b2c3/my-web.1-1a2b3c4d5e6f/init\n0::/\n", ENGINE_CLOCHE,
		 "1a2b3c4d5e6f", "my-web.1", "-a1b2c3");
	owner_is("0::/system.slice/cloche-a1b2c3.scope/w-1a2b3c4d5e6f\n", ENGINE_CLOCHE,
		 "1a2b3c4d5e6f", "w", "-a1b2c3");
	nobodys("0::/cloche/web\n");
	nobodys("0::/clocheville/web-1a2b3c4d5e6f\n");
	nobodys("0::/cloche-a1b2c3\n");
}

static void docker_is_known_by_both_drivers(void **state)
{
	(void)state;
	owner_is("12:pids:/docker/" ID "\n1:name=systemd:/docker/" ID "\n", ENGINE_DOCKER, ID, "",
		 "");
	owner_is("0::/system.slice/docker-" ID ".scope\n", ENGINE_DOCKER, ID, "", "");
	owner_is("0::/system.slice/docker-" ID ".scope/init.scope\n", ENGINE_DOCKER, ID, "", "");
	owner_is("0::/mine/docker/" ID "\n", ENGINE_DOCKER, ID, "", "");
	nobodys("0::/system.slice/docker.service\n");
	nobodys("0::/docker\n");
}

static void podman_is_known_and_its_monitor_is_the_hosts(void **state)
{
	(void)state;
	owner_is("0::/machine.slice/libpod-" ID ".scope/container\n", ENGINE_PODMAN, ID, "", "");
	owner_is("3:cpu:/libpod_parent/libpod-" ID "\n", ENGINE_PODMAN, ID, "", "");
	owner_is("0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
		 ".scope\n",
		 ENGINE_PODMAN, ID, "", "");
	nobodys("0::/machine.slice/libpod-conmon-" ID ".scope\n");
}

static void kubernetes_is_known_below_each_runtime(void **state)
{
	(void)state;
	owner_is("0::/kubepods/burstable/pod1234-5678/" ID "\n", ENGINE_KUBERNETES, ID, "",
		 "1234-5678");
	owner_is("0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice/"
		 "cri-containerd-" ID ".scope\n",
		 ENGINE_KUBERNETES, ID, "", "12_34");
	owner_is("0::/kubepods.slice/kubepods-pod12_34.slice/crio-" ID ".scope\n",
		 ENGINE_KUBERNETES, ID, "", "12_34");
	owner_is("0::/kubepods.slice/kubepods-pod12_34.slice/docker-" ID ".scope\n",
		 ENGINE_KUBERNETES, ID, "", "12_34");
	owner_is(
		"0::/system.slice/containerd.service/kubepods-besteffort-pod12.slice:cri-containerd:" ID
		"\n",
		ENGINE_KUBERNETES, ID, "", "12");
	nobodys("0::/kubepods.slice/kubepods-pod12_34.slice\n");
}

static void containerd_and_crio_are_known_without_kubernetes(void **state)
{
	(void)state;
	owner_is("0::/default/" ID "\n", ENGINE_CONTAINERD, ID, "", "default");
	owner_is("0::/system.slice/nerdctl-" ID ".scope\n", ENGINE_CONTAINERD, ID, "", "");
	owner_is("0::/crio-" ID "\n", ENGINE_CRIO, ID, "", "");
	nobodys("0::/crio-conmon-" ID ".scope\n");
}

static void lxc_is_known_and_its_monitor_is_the_hosts(void **state)
{
	(void)state;
	owner_is("0::/lxc.payload.web/system.slice/cron.service\n", ENGINE_LXC, "", "web", "");
	owner_is("5:devices:/lxc.payload/web\n", ENGINE_LXC, "", "web", "");
	owner_is("5:devices:/lxc/web\n", ENGINE_LXC, "", "web", "");
	nobodys("0::/lxc.monitor.web\n");
}

static void nspawn_is_known_and_virtual_machines_are_not_taken_for_it(void **state)
{
	(void)state;
	owner_is("0::/machine.slice/machine-my\\x2dweb.scope/payload\n", ENGINE_NSPAWN, "",
		 "my-web", "");
	owner_is("0::/machine.slice/systemd-nspawn@web.service/payload/init.scope\n", ENGINE_NSPAWN,
		 "", "web", "");
	nobodys("0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope\n");
}

static void the_outermost_container_counts(void **state)
{
	(void)state;
	owner_is("0::/docker/" ID "/cloche/web-1a2b3c4d5e6f\n", ENGINE_DOCKER, ID, "", "");
}

static void the_host_has_no_owner(void **state)
{
	(void)state;
	nobodys("");
	nobodys("0::/\n");
	nobodys("9:name=systemd:/\n4:memory:/process/5a6ee976349a7a5f0e8c185a72bb58d9\n0::/\n");
	nobodys("nonsense\n::\n:\n");
	nobodys("0::/user.slice/user-0.slice/session-1.scope\n");
	nobodys("0::/" ID "\n"); /* nobody we know */
}

static void any_bytes_are_survived(void **state)
{
	static const char *const parts[] = {
		"/",	    ":",      "\n",	"docker",	 "docker-", ID,
		"libpod-",  ".scope", "cloche", "lxc.payload.",	 "\\x2",    "machine-",
		"kubepods", "pod",    "-",	"-1a2b3c4d5e6f", "lxc",	    "machine.slice",
		"0::/",	    "\\x"
	};
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
		struct cgroup_owner owner;

		for (int i = rand_r(&seed) % 12; i >= 0; i--)
			buf_puts(&text, parts[(size_t)rand_r(&seed) % ARRAY_SIZE(parts)]);
		if (cgroup_owner_parse(text.data, &owner)) {
			assert_true(strlen(owner.id) < OWNER_TEXT);
			assert_true(owner.id[0] || owner.name[0]);
		}
	}
}

static void a_registered_container_is_known_by_its_scope(void **state)
{
	struct cgroup_owner owner;

	(void)state;
	assert_true(cgroup_owner_parse("0::/machine.slice/cloche-my-web-1a2b3c4d5e6f.scope/sub\n",
				       &owner));
	assert_int_equal(owner.engine, ENGINE_CLOCHE);
	assert_string_equal(owner.name, "my-web");
	assert_string_equal(owner.id, "1a2b3c4d5e6f");
	nobodys("0::/machine.slice/cloche-1a2b3c4d5e6f.scope\n");
	nobodys("0::/machine.slice/cloche-web-1a2b3c4d5e6f\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cloche_is_known_with_its_instance),
		cmocka_unit_test(a_registered_container_is_known_by_its_scope),
		cmocka_unit_test(docker_is_known_by_both_drivers),
		cmocka_unit_test(podman_is_known_and_its_monitor_is_the_hosts),
		cmocka_unit_test(kubernetes_is_known_below_each_runtime),
		cmocka_unit_test(containerd_and_crio_are_known_without_kubernetes),
		cmocka_unit_test(lxc_is_known_and_its_monitor_is_the_hosts),
		cmocka_unit_test(nspawn_is_known_and_virtual_machines_are_not_taken_for_it),
		cmocka_unit_test(the_outermost_container_counts),
		cmocka_unit_test(the_host_has_no_owner),
		cmocka_unit_test(any_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
