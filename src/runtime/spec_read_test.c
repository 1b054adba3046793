/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/spec_read.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/spec.h"

/* A config.json around `parts`, which begin with a comma. */
static struct spec *read_parts(const char *parts, int wanted, struct err *err)
{
	_cleanup_free_ char *text =
		str_printf("{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"r\"}%s}", parts);
	struct spec *spec = spec_new();
	int r = spec_read(text, strlen(text), spec, err);

	if (r == 0)
		r = spec_check(spec, err);
	assert_int_equal(r, wanted);
	return spec;
}

#define LINUX(s) ", \"linux\": {\"namespaces\": [{\"type\": \"mount\"}]" s "}"

static void refused(const char *parts, const char *words)
{
	struct err err = ERR_NONE;
	struct spec *spec = read_parts(parts, -EINVAL, &err);

	assert_string_equal(err.words, words);
	spec_free(spec);
}

static void mounts_become_kinds_and_attributes(void **state)
{
	struct err err = ERR_NONE;
	struct spec *spec = read_parts(
		", \"mounts\": [{\"destination\": \"/a\", \"type\": \"tmpfs\", \"source\": \"x\","
		"\"options\": [\"nosuid\", \"mode=755\", \"ro\", \"rw\", \"tmpcopyup\"]},"
		"{\"destination\": \"b\", \"source\": \"/src\", \"options\": [\"rbind\", \"rro\", \"rslave\"],"
		"\"uidMappings\": [{\"containerID\": 0, \"hostID\": 5, \"size\": 2}],"
		"\"gidMappings\": [{\"containerID\": 0, \"hostID\": 6, \"size\": 3}]},"
		"{\"destination\": \"/c\", \"type\": \"ext4\", \"source\": \"/dev/x\", \"options\": [\"acl\", \"sync\", \"noacl\"]}]" LINUX(
			""),
		0, &err);
	const struct spec_mount *m = spec->mounts;

	(void)state;
	assert_int_equal(spec->mount_count, 3);
	assert_int_equal(m[0].kind, SPEC_MOUNT_TMPFS);
	assert_true(m[0].attr_set == MOUNT_ATTR_NOSUID);
	assert_string_equal(m[0].data, "mode=755");
	assert_true(m[0].copy_up);
	assert_int_equal(m[1].kind, SPEC_MOUNT_BIND);
	assert_string_equal(m[1].destination, "/b");
	assert_true(m[1].recursive);
	assert_true(m[1].all_set == MOUNT_ATTR_RDONLY);
	assert_true(m[1].propagation == (MS_SLAVE | MS_REC));
	assert_int_equal(m[1].uid_map_count, 1);
	assert_int_equal(m[1].gid_map[0].size, 3);
	assert_int_equal(m[2].kind, SPEC_MOUNT_OTHER);
	assert_string_equal(m[2].type, "ext4");
	assert_string_equal(m[2].data, "sync,noacl");
	spec_free(spec);
}

static void process_is_read_with_all_its_fields(void **state)
{
	struct err err = ERR_NONE;
	struct spec *spec = read_parts(
		", \"process\": {\"args\": [\"a\"], \"env\": [\"A=b\"], \"cwd\": \"/\","
		"\"user\": {\"uid\": 1, \"gid\": 2, \"umask\": 63, \"additionalGids\": [3, 4]},"
		"\"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"soft\": 5, \"hard\": 18446744073709551615}],"
		"\"capabilities\": {\"bounding\": [\"CAP_KILL\", \"CAP_OF_TOMORROW\"], \"effective\": [\"CAP_KILL\"],"
		"\"permitted\": [\"CAP_KILL\"], \"ambient\": [\"CAP_KILL\"]},"
		"\"oomScoreAdj\": -1000, \"noNewPrivileges\": true,"
		"\"scheduler\": {\"policy\": \"SCHED_BATCH\", \"nice\": 5},"
		"\"ioPriority\": {\"class\": \"IOPRIO_CLASS_IDLE\", \"priority\": 7}}" LINUX(""),
		0, &err);
	const struct spec_process *p = &spec->process;

	(void)state;
	assert_int_equal(p->uid, 1);
	assert_int_equal(p->umask, 63);
	assert_int_equal(p->additional_gid_count, 2);
	assert_int_equal(p->additional_gids[1], 4);
	assert_true(p->rlimits[0].hard == UINT64_MAX);
	assert_int_equal(p->cap_bounding, 1 << 5);
	/* ambient without inheritable cannot be had: capabilities(7) */
	assert_int_equal(p->cap_ambient, 0);
	assert_int_equal(p->oom_score_adj, -1000);
	assert_true(p->no_new_privileges);
	assert_int_equal(p->scheduler.policy, 3);
	assert_int_equal(p->io_class, 3);
	assert_string_equal(spec->warnings[0],
			    "capability CAP_OF_TOMORROW is unknown here and left out");
	spec_free(spec);
}

static void resources_become_limits_and_files(void **state)
{
	struct err err = ERR_NONE;
	struct spec *spec = read_parts(
		LINUX(", \"resources\": {\"memory\": {\"limit\": 100, \"swap\": -1}, \"pids\": {\"limit\": -5},"
		      "\"devices\": [{\"allow\": false, \"access\": \"rwm\"}, {\"allow\": true, \"type\": \"c\","
		      "\"major\": 1, \"access\": \"rr\"}],"
		      "\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 9}],"
		      "\"rdma\": {\"mlx5_1\": {\"hcaHandles\": 3}}, \"unified\": {\"memory.high\": \"7\"},"
		      "\"blockIO\": {\"weight\": 1000, \"throttleReadBpsDevice\": [{\"major\": 8, \"minor\": 0, \"rate\": 600}]}}"),
		0, &err);
	const struct spec_resources *r = &spec->resources;
	const struct {
		const char *file, *value;
	} wanted[] = {
		{ "hugetlb.2MB.limit_in_bytes", "9" },
		{ "hugetlb.2MB.max", "9" },
		{ "hugetlb.2MB.rsvd.limit_in_bytes", "9" },
		{ "hugetlb.2MB.rsvd.max", "9" },
		{ "rdma.max", "mlx5_1 hca_handle=3" },
		{ "rdma.max", "mlx5_1 hca_handle=3" },
		{ "memory.high", "7" },
		{ "blkio.throttle.read_bps_device", "8:0 600" },
		{ "io.max", "8:0 rbps=600" },
		{ "blkio.weight", "1000" },
		{ "io.weight", "10000" },
	};

	(void)state;
	assert_int_equal(r->memory_limit_bytes, 100);
	assert_int_equal(r->memory_swap_bytes, -1);
	assert_int_equal(r->memory_swappiness, -1);
	assert_int_equal(r->pids_limit, -1);
	assert_int_equal(r->device_count, 2);
	assert_int_equal(r->devices[0].type, 'a');
	assert_int_equal(r->devices[1].minor, -1);
	assert_string_equal(r->devices[1].access, "r");
	assert_int_equal(r->file_count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		assert_string_equal(r->files[i].file, wanted[i].file);
		assert_string_equal(r->files[i].value, wanted[i].value);
	}
	assert_true(r->files[3].optional);
	assert_true(r->files[6].told);
	spec_free(spec);
}

static void rare_resources_become_files_of_their_controllers(void **state)
{
	struct err err = ERR_NONE;
	struct spec *spec = read_parts(
		LINUX(", \"resources\": {\"memory\": {\"kernel\": 5, \"kernelTCP\": 6, \"disableOOMKiller\": true, \"useHierarchy\": true},"
		      "\"cpu\": {\"burst\": 7, \"idle\": 1, \"realtimeRuntime\": 8, \"realtimePeriod\": 9},"
		      "\"network\": {\"classID\": 10, \"priorities\": [{\"name\": \"lo\", \"priority\": 11}]},"
		      "\"blockIO\": {\"leafWeight\": 12, \"weightDevice\": [{\"major\": 8, \"minor\": 1, \"weight\": 13, \"leafWeight\": 14}],"
		      "\"throttleWriteBpsDevice\": [{\"major\": 8, \"minor\": 2, \"rate\": 15}],"
		      "\"throttleReadIOPSDevice\": [{\"major\": 8, \"minor\": 3, \"rate\": 16}],"
		      "\"throttleWriteIOPSDevice\": [{\"major\": 8, \"minor\": 4, \"rate\": 0}]}}"),
		0, &err);
	const struct spec_resources *r = &spec->resources;
	static const char *const wanted[][3] = {
		{ "net_prio", "net_prio.ifpriomap", "lo 11" },
		{ "blkio", "blkio.weight_device", "8:1 13" },
		{ NULL, "io.bfq.weight", "8:1 13" },
		{ "blkio", "blkio.leaf_weight_device", "8:1 14" },
		{ "blkio", "blkio.throttle.write_bps_device", "8:2 15" },
		{ NULL, "io.max", "8:2 wbps=15" },
		{ "blkio", "blkio.throttle.read_iops_device", "8:3 16" },
		{ NULL, "io.max", "8:3 riops=16" },
		{ "blkio", "blkio.throttle.write_iops_device", "8:4 0" },
		{ NULL, "io.max", "8:4 wiops=max" },
		{ "memory", "memory.kmem.tcp.limit_in_bytes", "6" },
		{ "memory", "memory.oom_control", "1" },
		{ "cpu", "cpu.rt_period_us", "9" },
		{ "cpu", "cpu.rt_runtime_us", "8" },
		{ "cpu", "cpu.cfs_burst_us", "7" },
		{ NULL, "cpu.max.burst", "7" },
		{ "cpu", "cpu.idle", "1" },
		{ NULL, "cpu.idle", "1" },
		{ "blkio", "blkio.leaf_weight", "12" },
		{ "net_cls", "net_cls.classid", "10" },
	};

	(void)state;
	assert_int_equal(r->file_count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		assert_true(str_equal(r->files[i].controller, wanted[i][0]));
		assert_int_equal(r->files[i].v2, !wanted[i][0]);
		assert_string_equal(r->files[i].file, wanted[i][1]);
		assert_string_equal(r->files[i].value, wanted[i][2]);
	}
	spec_free(spec);
}

static void unknown_values_are_refused_where_they_stand(void **state)
{
	(void)state;
	refused(", \"linux\": {\"namespaces\": [{\"type\": \"mount\"}, {\"type\": \"other\"}]}",
		"config.json: linux.namespaces[1]: unknown type \"other\"");
	refused(", \"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"pid\"}]}",
		"config.json: linux.namespaces[1]: a second pid namespace");
	refused(", \"linux\": {\"namespaces\": [{\"type\": \"pid\", \"path\": \"ns\"}]}",
		"config.json: linux.namespaces[0]: path: \"ns\" is not an absolute path");
	refused(", \"process\": {\"rlimits\": [{\"type\": \"RLIMIT_CPU\", \"soft\": 2, \"hard\": 1}]}" LINUX(
			""),
		"config.json: process.rlimits[0]: soft is above hard");
	refused(", \"process\": {\"rlimits\": [{\"type\": \"RLIMIT_CPU\", \"soft\": 2}]}" LINUX(""),
		"config.json: process.rlimits[0]: soft and hard are both needed");
	refused(", \"process\": {\"scheduler\": {\"policy\": \"SCHED_FIFO\", \"nice\": 1}}" LINUX(
			""),
		"config.json: process.scheduler: nice is for SCHED_OTHER and SCHED_BATCH");
	refused(", \"process\": {\"scheduler\": {\"policy\": \"SCHED_BATCH\", \"priority\": 1}}" LINUX(
			""),
		"config.json: process.scheduler: priority is for SCHED_FIFO and SCHED_RR");
	refused(", \"process\": {\"scheduler\": {\"policy\": \"SCHED_OTHER\", \"runtime\": 1}}" LINUX(
			""),
		"config.json: process.scheduler: runtime, deadline and period are for SCHED_DEADLINE");
	refused(", \"mounts\": [{\"destination\": \"/a\", \"source\": \"/b\", \"options\": [\"bind\", \"tmpcopyup\"]}]" LINUX(
			""),
		"config.json: mounts[0]: tmpcopyup is for type tmpfs");
	refused(LINUX(", \"timeOffsets\": {\"boottime\": {\"secs\": 1}}"),
		"linux.timeOffsets: need a new time namespace");
	refused(LINUX(", \"netDevices\": {\"a%d\": {}}"),
		"config.json: linux.netDevices.a%d: not the name of a network device");
	refused(LINUX(", \"netDevices\": {\"a\": {\"name\": \"%s\"}}"),
		"config.json: linux.netDevices.a: not the name of a network device");
	refused(LINUX(", \"netDevices\": {\"a\": {\"name\": \"x%d%d\"}}"),
		"config.json: linux.netDevices.a: not the name of a network device");
	refused(LINUX(", \"rootfsPropagation\": \"loud\""),
		"config.json: linux.rootfsPropagation: unknown propagation \"loud\"");
	refused(LINUX(", \"resources\": {\"devices\": [{\"allow\": true, \"access\": \"x\"}]}"),
		"config.json: linux.resources.devices[0]: access \"x\" is not of r, w and m");
	refused(LINUX(", \"devices\": [{\"path\": \"/d\", \"type\": \"c\"}]"),
		"config.json: linux.devices[0]: major and minor are needed for type c");
	refused(", \"process\": {\"rlimits\": [{\"type\": \"RLIMIT_NONE\", \"soft\": 1, \"hard\": 1}]}",
		"config.json: process.rlimits[0]: unknown type \"RLIMIT_NONE\"");
	refused(", \"process\": {\"oomScoreAdj\": 1001}",
		"config.json: process.oomScoreAdj: is not between -1000 and 1000");
	refused(", \"hooks\": {\"poststop\": [{\"path\": \"rel\"}]}",
		"config.json: hooks.poststop[0]: path: \"rel\" is not an absolute path");
}

static void what_would_change_the_host_is_refused(void **state)
{
	(void)state;
	refused(LINUX(", \"sysctl\": {\"kernel.panic\": \"1\"}"),
		"linux.sysctl.kernel.panic: is not of a namespace, it would change the host");
	refused(LINUX(", \"sysctl\": {\"net.ipv4.ip_forward\": \"1\"}"),
		"linux.sysctl.net.ipv4.ip_forward: would change the host: the container has no "
		"namespace of its own for it");
	refused(LINUX(", \"sysctl\": {\"net/../kernel/panic\": \"1\"}"),
		"config.json: linux.sysctl.net/../kernel/panic: not the name of a kernel parameter");
	refused(", \"hostname\": \"x\"" LINUX(""),
		"hostname: would change the host's: the container has no uts namespace of its own");
}

static void versions_from_1_0_to_1_3_are_read(void **state)
{
	static const char *const good[] = { "1.0.0", "1.0.2-dev", "1.1.0",
					    "1.2.1", "1.3.0",	  "1.0.0-rc5+dev" };
	static const char *const bad[] = { "0.9.0", "2.0.0", "1.4.0", "1", "1.0", "x", "1.999999" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good) + ARRAY_SIZE(bad); i++) {
		bool is_good = i < ARRAY_SIZE(good);
		const char *version = is_good ? good[i] : bad[i - ARRAY_SIZE(good)];
		_cleanup_free_ char *text = str_printf("{\"ociVersion\": \"%s\"}", version);
		struct spec *spec = spec_new();
		struct err err = ERR_NONE;

		assert_int_equal(spec_read(text, strlen(text), spec, &err), is_good ? 0 : -EINVAL);
		spec_free(spec);
	}
}

static void no_processes_are_none_more_since_1_3(void **state)
{
	static const struct {
		const char *version;
		int64_t limit;
	} cases[] = { { "1.2.1", 0 }, { "1.3.0", 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text =
			str_printf("{\"ociVersion\": \"%s\", \"linux\": {\"resources\": "
				   "{\"pids\": {\"limit\": 0}}}}",
				   cases[i].version);
		struct spec *spec = spec_new();
		struct err err = ERR_NONE;

		assert_int_equal(spec_read(text, strlen(text), spec, &err), 0);
		assert_int_equal(spec->resources.pids_limit, cases[i].limit);
		spec_free(spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_become_kinds_and_attributes),
		cmocka_unit_test(process_is_read_with_all_its_fields),
		cmocka_unit_test(resources_become_limits_and_files),
		cmocka_unit_test(rare_resources_become_files_of_their_controllers),
		cmocka_unit_test(unknown_values_are_refused_where_they_stand),
		cmocka_unit_test(what_would_change_the_host_is_refused),
		cmocka_unit_test(versions_from_1_0_to_1_3_are_read),
		cmocka_unit_test(no_processes_are_none_more_since_1_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
