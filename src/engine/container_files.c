/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/container_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/cni.h"
#include "engine/disk_limit.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/resolv_conf.h"
#include "engine/status.h"
#include "net/address.h"

/* --add-host: "NAME:IP", the address "host-gateway" being the host's on the container's network. */
static void extra_hosts(const struct record *record, const struct endpoints *endpoints,
			struct buf *hosts)
{
	_cleanup_strv_ char **list = json_strv_at(record->config, "HostConfig.ExtraHosts");
	const struct endpoint *gateway = endpoints_gateway(endpoints);
	char text[ADDRESS_TEXT];

	for (size_t i = 0; list && list[i]; i++) {
		char *colon = strchr(list[i], ':');

		*colon = '\0';
		if (strcmp(colon + 1, "host-gateway") != 0)
			buf_printf(hosts, "%s\t%s\n", colon + 1, list[i]);
		else if (gateway && gateway->network.subnet4.address.family)
			buf_printf(hosts, "%s\t%s\n",
				   address_text(&gateway->network.subnet4.address, text), list[i]);
		else if (gateway)
			buf_printf(hosts, "%s\t%s\n",
				   address_text(&gateway->network.subnet6.address, text), list[i]);
		else
			buf_printf(hosts, "127.0.0.1\t%s\n", list[i]);
	}
}

/* A container that shares another one's network has its names, too. dir: containers/ID */
static void shared_files(const struct record *record, int dir, struct buf *hosts,
			 struct buf *resolv)
{
	const char *mode = json_string_at(record->config, "HostConfig.NetworkMode", "");
	_cleanup_free_ char *hosts_path = NULL, *resolv_path = NULL;

	if (!str_prefix(mode, "container:"))
		return;
	hosts_path = str_printf("../%s/hosts", mode + strlen("container:"));
	resolv_path = str_printf("../%s/resolv.conf", mode + strlen("container:"));
	buf_clear(hosts);
	buf_clear(resolv);
	(void)file_read(dir, hosts_path, 1 << 20, hosts); /* none is an empty one */
	(void)file_read(dir, resolv_path, 1 << 20, resolv);
}

static int own_files_write(const struct record *record, const struct endpoints *endpoints, int dir,
			   struct err *err)
{
	const char *hostname = json_string_at(record->config, "Config.Hostname", "");
	bool host_network =
		strcmp(json_string_at(record->config, "HostConfig.NetworkMode", ""), "host") == 0;
	_cleanup_(buf_clear) struct buf hosts = BUF_EMPTY, name = BUF_EMPTY, resolv = BUF_EMPTY;
	struct stat st;

	/* Written once: what the container changed in them stays over a restart, as with Docker. */
	if (fstatat(dir, "resolv.conf", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (host_network) {
		(void)file_read(AT_FDCWD, "/etc/hosts", 1 << 20, &hosts);
		resolv_conf_host(record, &resolv);
	} else {
		buf_puts(&hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
				 "fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n"
				 "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
		if (endpoints->count > 0) {
			endpoints_hosts(endpoints, record, &hosts);
			resolv_conf_own(record, endpoints->resolver >= 0, &resolv);
		} else if (cni_wanted(record)) {
			resolv_conf_own(record, false, &resolv);
			buf_printf(&hosts, "127.0.1.1\t%s\n", hostname);
		} else if (*hostname) {
			buf_printf(&hosts, "127.0.1.1\t%s\n", hostname);
		}
	}
	shared_files(record, dir, &hosts, &resolv);
	extra_hosts(record, endpoints, &hosts);
	buf_printf(&name, "%s\n", hostname);
	if (file_replace(dir, "hosts", hosts.data ? hosts.data : "", hosts.length, 0644, false,
			 err) < 0 ||
	    file_replace(dir, "hostname", name.data, name.length, 0644, false, err) < 0 ||
	    file_replace(dir, "resolv.conf", resolv.data ? resolv.data : "", resolv.length, 0644,
			 false, err) < 0)
		return -err->code;
	return 0;
}

int container_folders_make(struct engine *engine, const struct record *record, struct err *err)
{
	static const char *const folders[] = { "upper", "work" };
	_cleanup_free_ char *path = disk_limit_folder(record);
	_cleanup_close_ int dir = -1;

	if (disk_limit_container(engine, record, err) < 0)
		return -err->code;
	dir = openat(engine->root, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, errno, "open the folder of container %s", record->row.name);

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		int fd = dir_open_make(dir, folders[i], i == 0 ? 0755 : 0700, err);

		if (fd < 0)
			return fd;
		fd_close(fd);
	}
	return 0;
}

void container_root_settle(struct engine *engine, const struct record *record)
{
	_cleanup_free_ char *folder = disk_limit_folder(record),
			    *path = str_printf("%s/work/work/incompat", folder);

	(void)dir_remove(engine->root, path);
}

int container_files_prepare(struct engine *engine, const struct record *record,
			    const struct endpoints *endpoints, int dir, struct err *err)
{
	int r = container_folders_make(engine, record, err);

	if (r < 0)
		return r;
	container_root_settle(engine, record);
	(void)unlinkat(dir, "exit", 0);
	(void)unlinkat(dir, "error", 0);
	(void)unlinkat(dir, "death", 0);
	status_started_unmark(dir);
	return own_files_write(record, endpoints, dir, err);
}
