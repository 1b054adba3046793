/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/network_device.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/rtnetlink.h>
#include <sys/vfs.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/record.h"
#include "net/address.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/route_note.h"
#include "runtime/net_device.h"

enum { NOTES = 16 << 20 }; /* 4 KiB a route, 2,000 routes a link, at most */

/* -- there ------------------------------------------------------------------------------------ */

static unsigned int prefix_of(const uint8_t *mask, int family)
{
	unsigned int prefix = 0;

	for (int i = 0; i < address_length(family); i++)
		prefix += (unsigned int)__builtin_popcount(mask[i]);
	return prefix;
}

static void address_note(const struct ifaddrs *one, struct buf *note)
{
	int family = one->ifa_addr ? one->ifa_addr->sa_family : AF_UNSPEC;
	size_t at = family == AF_INET ? offsetof(struct sockaddr_in, sin_addr) :
					offsetof(struct sockaddr_in6, sin6_addr);
	struct subnet subnet = { .address = { .family = family } };
	char text[SUBNET_TEXT];

	if ((family != AF_INET && family != AF_INET6) || !one->ifa_netmask)
		return;
	memcpy(subnet.address.bytes, (const char *)one->ifa_addr + at,
	       (size_t)address_length(family));
	subnet.prefix = prefix_of((const uint8_t *)one->ifa_netmask + at, family);
	/* the kernel gives those of fe80::/10 itself */
	if (family == AF_INET6 && subnet.address.bytes[0] == 0xfe &&
	    (subnet.address.bytes[1] & 0xc0) == 0x80)
		return;
	buf_printf(note, " %s", subnet_text(&subnet, text));
}

static int device_note(const char *link, const char *inside, struct buf *note, struct err *err)
{
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct ifreq request = { 0 };
	struct ifaddrs *all;
	int r;

	(void)str_append(request.ifr_name, sizeof(request.ifr_name), link);
	if (s < 0 || ioctl(s, SIOCGIFFLAGS, &request) < 0)
		return err_sys(err, errno, "move network device %s into the container", link);
	if (getifaddrs(&all) < 0)
		return err_sys(err, errno, "list the host's addresses");
	buf_printf(note, "%s %s %s", link, inside, request.ifr_flags & IFF_UP ? "up" : "down");
	for (const struct ifaddrs *one = all; one; one = one->ifa_next)
		if (strcmp(one->ifa_name, link) == 0)
			address_note(one, note);
	freeifaddrs(all);
	r = netlink_open(&nl, NETLINK_ROUTE, err);
	if (r == 0)
		r = route_note(&nl, link_index(s, link), note, err);
	buf_puts(note, "\n");
	return r;
}

static int namespace_hold(int run, pid_t pid, struct err *err)
{
	_cleanup_close_ int fd =
		openat(run, "held-netns", O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	char from[64], to[64];

	(void)snprintf(from, sizeof(from), "/proc/%d/ns/net", (int)pid);
	(void)snprintf(to, sizeof(to), "/proc/self/fd/%d", fd);
	return fd < 0 || mount(from, to, NULL, MS_BIND, NULL) < 0 ?
		       err_sys(err, errno, "hold the container's network namespace") :
		       0;
}

/* LINK or LINK=INSIDE, cut in two. */
static const char *inside_of(char *text)
{
	char *equals = strchr(text, '=');

	if (!equals)
		return text;
	*equals = '\0';
	return equals + 1;
}

int network_devices_give(const struct record *record, int run, pid_t pid, struct err *err)
{
	_cleanup_strv_ char **list = json_strv_at(record->config, "Cloche.NetworkDevices");
	_cleanup_(buf_clear) struct buf note = BUF_EMPTY, indexes = BUF_EMPTY;
	int r = 0;

	if (!list)
		return 0;
	for (size_t i = 0; r == 0 && list[i]; i++) {
		_cleanup_free_ char *link = str_dup(list[i]);
		const char *inside = inside_of(link);

		r = device_note(link, inside, &note, err);
	}
	if (r == 0)
		r = namespace_hold(run, pid, err);
	if (r == 0)
		r = file_replace(run, "devices", note.data, note.length, 0600, false, err);
	for (size_t i = 0; r == 0 && list[i]; i++) {
		const char *inside = inside_of(list[i]);

		r = net_device_move_one(list[i], inside, pid, err);
		if (r > 0) {
			buf_printf(&indexes, "%d\n", r);
			r = 0;
		}
	}
	/* what the container calls them may change, their numbers do not */
	return r < 0 ? r :
		       file_replace(run, "device-indexes", indexes.data, indexes.length, 0600,
				    false, err);
}

/* -- and back --------------------------------------------------------------------------------- */

/* In the container's namespace: out of it, under this name; "%d" in it is a number that is free. */
static int move_out(struct netlink *nl, int index, int host, const char *name, struct err *err)
{
	struct ifinfomsg which = { .ifi_family = AF_UNSPEC, .ifi_index = index };

	netlink_begin(nl, RTM_NEWLINK, 0, &which, sizeof(which));
	netlink_u32(nl, IFLA_NET_NS_FD, (uint32_t)host);
	netlink_string(nl, IFLA_IFNAME, name);
	return netlink_send(nl, err);
}

static int inside_out(int s, int index, const char *inside, int host, const char *link)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct err ignored = ERR_NONE;
	int r = netlink_open(&nl, NETLINK_ROUTE, &ignored);

	if (!index)
		index = link_index(s, inside);
	if (!index || r < 0)
		return r < 0 ? r : -ENODEV;
	r = move_out(&nl, index, host, link, &ignored);
	if (r == -EEXIST) /* somebody took the name meanwhile */
		r = move_out(&nl, index, host, "dev%d", &ignored);
	return r;
}

/* As it was. */
static void settle(const char *link, char *const *words)
{
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct err ignored = ERR_NONE;
	int index = s < 0 ? 0 : link_index(s, link);

	if (!index || netlink_open(&nl, NETLINK_ROUTE, &ignored) < 0)
		return;
	if (strcmp(words[0], "up") == 0)
		link_set_up(&nl, index);
	(void)netlink_send(&nl, &ignored);
	for (size_t i = 1; words[i]; i++) {
		struct subnet address;

		if (subnet_parse(words[i], &address) < 0)
			continue;
		link_add_address(&nl, index, &address);
		(void)netlink_send(&nl,
				   &ignored); /* one that cannot be is not in the way of others */
	}
	route_note_restore(&nl, index, words + 1);
}

/* index 0: it is not known, the name is. */
static void device_return(const char *line, int index, int host, int inside)
{
	_cleanup_strv_ char **words = strv_split(line, ' ');
	_cleanup_close_ int s = -1;
	int r;

	if (strv_length(words) < 3 || setns(inside, CLONE_NEWNET) < 0)
		return;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r = s < 0 ? -errno : inside_out(s, index, words[1], host, words[0]);
	if (setns(host, CLONE_NEWNET) == 0 && r == 0)
		settle(words[0], words + 2);
}

void network_devices_return(int run)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY, numbers = BUF_EMPTY;
	_cleanup_close_ int inside = -1, host = -1;
	_cleanup_strv_ char **lines = NULL, **indexes = NULL;
	struct statfs fs;
	char path[64];

	inside = openat(run, "held-netns", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (inside < 0)
		return; /* mostly */
	host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (host >= 0 && fstatfs(inside, &fs) == 0 && fs.f_type == NSFS_MAGIC &&
	    file_read(run, "devices", NOTES, &text) == 0 && text.data) {
		lines = strv_split(text.data, '\n');
		if (file_read(run, "device-indexes", NOTES, &numbers) == 0 && numbers.data)
			indexes = strv_split(numbers.data, '\n');
		for (size_t i = 0; lines[i]; i++)
			device_return(lines[i],
				      i < strv_length(indexes) ? (int)strtol(indexes[i], NULL, 10) :
								 0,
				      host, inside);
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/held-netns", run);
	(void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	(void)unlinkat(run, "held-netns", 0);
	(void)unlinkat(run, "devices", 0);
}
