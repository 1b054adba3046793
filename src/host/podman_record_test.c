/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/podman_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

static json_t *made(const char *text)
{
	_cleanup_json_ json_t *container = json_loads(text, 0, NULL);

	assert_non_null(container);
	return podman_record_make(container, NULL);
}

static void same(const json_t *record, const char *path, const char *wanted)
{
	_cleanup_json_ json_t *value = json_loads(wanted, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	if (!json_equal((json_t *)json_at(record, path), value)) {
		char *text = json_dumps(json_at(record, path), JSON_ENCODE_ANY);

		fail_msg("%s: %s", path, text ? text : "missing");
	}
}

static void words_of_an_entrypoint_come_from_the_arguments(void **state)
{
	_cleanup_json_ json_t *record =
		made("{\"Path\":\"sh\",\"Args\":[\"-c\",\"a b\",\"x\"],"
		     "\"Config\":{\"Entrypoint\":\"sh -c a b\",\"Cmd\":[\"x\"]}}");
	_cleanup_json_ json_t *none = made(
		"{\"Path\":\"x\",\"Args\":[],\"Config\":{\"Entrypoint\":\"\",\"Cmd\":[\"x\"]}}");
	_cleanup_json_ json_t *five = made("{\"Config\":{\"Entrypoint\":[\"sh\",\"-c\"]}}");

	(void)state;
	same(record, "Config.Entrypoint", "[\"sh\",\"-c\",\"a b\"]");
	assert_false(json_is_array(json_at(none, "Config.Entrypoint")));
	same(five, "Config.Entrypoint", "[\"sh\",\"-c\"]");
}

static void what_podman_gives_everyone_is_left_out(void **state)
{
	_cleanup_json_ json_t *record = made(
		"{\"Config\":{\"Env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/bin\",\"TERM=xterm\",\"container=podman\",\"HOSTNAME=x\",\"A=b\"],"
		"\"StopSignal\":15,\"StopTimeout\":10,\"WorkingDir\":\"/\",\"CreateCommand\":[\"podman\",\"run\",\"-it\",\"x\"],\"AttachStdout\":false},"
		"\"HostConfig\":{\"CapDrop\":[\"CAP_AUDIT_WRITE\",\"CAP_CHOWN\",\"CAP_MKNOD\",\"CAP_NET_RAW\"],\"CapAdd\":[\"CAP_SYS_ADMIN\"],"
		"\"PidMode\":\"private\",\"UTSMode\":\"private\",\"IpcMode\":\"shareable\",\"NanoCpus\":500000000,\"CpuPeriod\":100000,"
		"\"CpuQuota\":50000,\"PidsLimit\":2048,\"ShmSize\":65536000,\"MemorySwappiness\":0,"
		"\"Annotations\":{\"io.container.manager\":\"libpod\",\"org.systemd.property.KillSignal\":\"15\",\"a\":\"b\"},"
		"\"Ulimits\":[{\"Name\":\"RLIMIT_NPROC\",\"Soft\":5,\"Hard\":5}],\"LogConfig\":{\"Type\":\"k8s-file\",\"Size\":\"0B\"}}}");

	(void)state;
	same(record, "Config.Env", "[\"A=b\"]");
	same(record, "Config.StopSignal", "\"\"");
	assert_null(json_at(record, "Config.StopTimeout"));
	assert_null(json_at(record, "Config.AttachStdout"));
	same(record, "Config.WorkingDir", "\"\"");
	same(record, "HostConfig.Annotations", "{\"a\":\"b\"}");
	same(record, "HostConfig.CapDrop", "[\"CHOWN\"]");
	same(record, "HostConfig.CapAdd", "[\"SYS_ADMIN\"]");
	same(record, "HostConfig.PidMode", "\"\"");
	same(record, "HostConfig.IpcMode", "\"private\"");
	same(record, "HostConfig.CpuQuota", "0");
	same(record, "HostConfig.PidsLimit", "0");
	same(record, "HostConfig.ShmSize", "0");
	same(record, "HostConfig.Ulimits", "[]");
	same(record, "HostConfig.LogConfig", "{\"Type\":\"local\",\"Config\":{}}");
}

static void what_only_the_command_line_tells(void **state)
{
	_cleanup_json_ json_t *record = made(
		"{\"Config\":{\"CreateCommand\":[\"podman\",\"run\",\"-dit\",\"--ulimit\",\"nofile=5:6\",\"--sysctl\",\"a.b=1\",\"--sysctl=c.d=2\",\"x\"],"
		"\"AttachStdout\":false,\"StopSignal\":3},"
		"\"HostConfig\":{\"Ulimits\":[{\"Name\":\"RLIMIT_NOFILE\",\"Soft\":5,\"Hard\":6}]}}");

	(void)state;
	same(record, "Config.AttachStdout", "false");
	same(record, "Config.StopSignal", "\"3\"");
	same(record, "HostConfig.Ulimits", "[{\"Name\":\"nofile\",\"Soft\":5,\"Hard\":6}]");
	same(record, "HostConfig.Sysctls", "{\"a.b\":\"1\",\"c.d\":\"2\"}");
}

static void mounts_and_networks_in_our_words(void **state)
{
	static const char volume[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef:/v:rw,rprivate,nosuid,nodev,rbind";
	_cleanup_json_ json_t *binds = json_pack(
		"{s:{s:[s,s,s],s:{s:s,s:s},s:s},s:{s:{s:{s:[s]}}},s:s,s:{s:i,s:s}}", "HostConfig",
		"Binds", volume, "data:/d:ro,rprivate,rbind", "/a:/b:rshared,Z", "Tmpfs", "/t",
		"rw,rprivate,nosuid,nodev,tmpcopyup", "/u", "size=1m,rw", "NetworkMode", "bridge",
		"NetworkSettings", "Networks", "podman", "Aliases", "web", "Rootfs", "/root/fs",
		"Config", "Timeout", 5, "Umask", "0027");
	_cleanup_json_ json_t *record = podman_record_make(binds, NULL);

	(void)state;
	same(record, "HostConfig.Binds", "[\"/v\",\"data:/d:ro\",\"/a:/b:rshared,Z\"]");
	same(record, "HostConfig.Tmpfs", "{\"/t\":\"\",\"/u\":\"size=1m\"}");
	same(record, "Cloche.Networks", "[{\"Name\":\"bridge\",\"Aliases\":[\"web\"]}]");
	same(record, "Cloche.Rootfs", "\"/root/fs\"");
	same(record, "Cloche.Timeout", "5");
	same(record, "Cloche.Umask", "23");
	same(record, "Config.Image", "\"\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_an_entrypoint_come_from_the_arguments),
		cmocka_unit_test(what_podman_gives_everyone_is_left_out),
		cmocka_unit_test(what_only_the_command_line_tells),
		cmocka_unit_test(mounts_and_networks_in_our_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
