/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The floor: the least that a container of this kind costs. Run COMMAND in new namespaces (user, mount, pid, network, ipc, uts,
 * cgroup), in new cgroups of every hierarchy, on an id-mapped overlay of LOWER with the usual mounts, wait for it, and take
 * everything away again. No record, no log, no seccomp, no limits, no words on failure:
 *
 *	floor [--bridge NAME] LOWER DIR COMMAND [ARG...]	DIR is made, and gone afterwards
 *	floor --bundle LOWER COMMAND [ARG...]
 *
 * --bridge: with a veth pair whose other end is a port of this bridge, an address and a default route.
 * --bundle: what the bundle of `runc spec` asks for instead: LOWER itself, read-only, without a user namespace and an overlay;
 * nodes of devices, /sys/fs/cgroup with every hierarchy, masked and read-only paths.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(call) try((call), #call, __LINE__)

enum { HOST_ID = 1900000000, IDS = 65536, HIERARCHIES = 16 };

static struct {
	int base, folder, tasks;
	char controllers[64]; /* as /proc/self/cgroup has them: "memory", "name=systemd", "" of v2 */
} cgroups[HIERARCHIES];
static int cgroup_count;
static char name[64];
static bool bundle;

static int try(long result, const char *what, int line)
{
	if (result < 0) {
		(void)fprintf(stderr, "floor: line %d: %s: %s\n", line, what, strerror(errno));
		exit(125);
	}
	return (int)result;
}

/* -- cgroups ---------------------------------------------------------------------------------- */

static void copy_value(int to, int from, const char *file)
{
	char value[256];
	int in = TRY(openat(from, file, O_RDONLY | O_CLOEXEC)),
	    out = TRY(openat(to, file, O_WRONLY | O_CLOEXEC));
	ssize_t n = read(in, value, sizeof(value));

	if (n > 0)
		TRY(write(out, value, (size_t)n));
	(void)close(in);
	(void)close(out);
}

/* One folder in each hierarchy of /proc/self/cgroup ("4:memory:/", "0::/"). */
static void cgroups_make(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[512], path[600];

	while (file && fgets(line, sizeof(line), file) && cgroup_count < HIERARCHIES) {
		char *controllers = strchr(line, ':') + 1, *end = strchr(controllers, ':');
		const char *hierarchy = controllers;
		int folder, base;

		*end = '\0';
		if (!*controllers)
			hierarchy = "unified";
		else if (strncmp(controllers, "name=", 5) == 0)
			hierarchy = controllers + 5;
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", hierarchy);
		base = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (base < 0 && !*controllers)
			base = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (base < 0)
			continue;
		TRY(mkdirat(base, name, 0755));
		folder = TRY(openat(base, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
		if (strcmp(controllers, "cpuset") == 0) {
			copy_value(folder, base, "cpuset.cpus");
			copy_value(folder, base, "cpuset.mems");
		}
		(void)snprintf(cgroups[cgroup_count].controllers,
			       sizeof(cgroups[cgroup_count].controllers), "%s", controllers);
		cgroups[cgroup_count].base = base;
		cgroups[cgroup_count].folder = folder;
		cgroups[cgroup_count++].tasks =
			*controllers ? TRY(openat(folder, "tasks", O_WRONLY | O_CLOEXEC)) : -1;
	}
	if (file)
		(void)fclose(file);
}

/* -- files ------------------------------------------------------------------------------------ */

static void put(const char *path, const char *text)
{
	int fd = TRY(open(path, O_WRONLY | O_CLOEXEC));

	TRY(write(fd, text, strlen(text)));
	(void)close(fd);
}

static int mapped(const char *path, int userns)
{
	int fd = TRY(open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
				   .userns_fd = (unsigned int)userns };

	TRY(mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
	return fd;
}

/* The overlay, made with the container's root as the user of files, and detached. */
static int root_make(const char *lower, const char *dir, int userns)
{
	int fs = TRY(fsopen("overlay", FSOPEN_CLOEXEC)), below = mapped(lower, userns),
	    above = mapped(dir, userns), upper, work, root;

	upper = TRY(openat(above, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC));
	work = TRY(openat(above, "work", O_PATH | O_DIRECTORY | O_CLOEXEC));
	TRY(fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, below));
	TRY(fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, upper));
	TRY(fsconfig(fs, FSCONFIG_SET_FD, "workdir", NULL, work));
	TRY(fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0)); /* as run --rm */
	TRY(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
	(void)setfsgid(HOST_ID);
	(void)setfsuid(HOST_ID);
	TRY(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	(void)setfsuid(0);
	(void)setfsgid(0);
	root = TRY(fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV));
	return root;
}

static void fd_send(int socket, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec part = { (char[]){ 'm' }, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	TRY(sendmsg(socket, &message, 0));
}

static int fd_receive(int socket)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int fd;

	TRY(recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

/* -- its network ------------------------------------------------------------------------------- */

enum { LO = 1, ETH0 = 2 }; /* the links of a new namespace, in their order */

static struct { /* requests, sent as one */
	size_t used;
	struct nlmsghdr *last;
	_Alignas(8) char room[1024];
} batch;

static void *request(int type, int flags, size_t size)
{
	batch.last = (struct nlmsghdr *)(batch.room + batch.used);
	*batch.last = (struct nlmsghdr){ .nlmsg_type = (uint16_t)type,
					 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
					 .nlmsg_len = (uint32_t)NLMSG_LENGTH(size) };
	batch.used += NLMSG_ALIGN(batch.last->nlmsg_len);
	return memset(NLMSG_DATA(batch.last), 0, size);
}

/* With data of `size` bytes, or with none, when it is one that others go into: then attribute_end. */
static struct rtattr *attribute(int type, const void *data, size_t size)
{
	struct rtattr *a = (struct rtattr *)(batch.room + batch.used);

	*a = (struct rtattr){ .rta_type = (uint16_t)type, .rta_len = (uint16_t)RTA_LENGTH(size) };
	if (data)
		memcpy(RTA_DATA(a), data, size);
	batch.used += RTA_SPACE(size);
	batch.last->nlmsg_len = (uint32_t)(batch.room + batch.used - (char *)batch.last);
	return a;
}

static void attribute_end(struct rtattr *a)
{
	a->rta_len = (uint16_t)(batch.room + batch.used - (char *)a);
}

static void requests_send(void)
{
	int s = TRY(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char echo[512];
	} answer;

	batch.last->nlmsg_flags |= NLM_F_ACK;
	TRY(send(s, batch.room, batch.used, 0));
	TRY(recv(s, &answer, sizeof(answer), 0));
	errno = -answer.error.error;
	TRY(answer.error.error);
	(void)close(s);
	batch.used = 0;
}

static void wire_make(const char *bridge, pid_t pid)
{
	static const struct ifinfomsg up = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP }, down;
	uint32_t master = if_nametoindex(bridge), owner = (uint32_t)pid;
	struct rtattr *info, *data, *peer;

	memcpy(request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(up)), &up, sizeof(up));
	(void)attribute(IFLA_MASTER, &master, sizeof(master));
	info = attribute(IFLA_LINKINFO, NULL, 0);
	(void)attribute(IFLA_INFO_KIND, "veth", 4);
	data = attribute(IFLA_INFO_DATA, NULL, 0);
	peer = attribute(VETH_INFO_PEER, &down, sizeof(down));
	(void)attribute(IFLA_IFNAME, "eth0", 5);
	(void)attribute(IFLA_NET_NS_PID, &owner, sizeof(owner));
	attribute_end(peer);
	attribute_end(data);
	attribute_end(info);
	requests_send();
}

/* Within: 10.62.0.2/16, by 10.62.0.1. */
static void wire_use(void)
{
	static const uint8_t address[] = { 10, 62, 0, 2 }, gateway[] = { 10, 62, 0, 1 };
	struct ifinfomsg *link;
	struct ifaddrmsg *own;
	struct rtmsg *route;

	for (int i = LO; i <= ETH0; i++) {
		link = request(RTM_NEWLINK, 0, sizeof(*link));
		*link = (struct ifinfomsg){ .ifi_index = i,
					    .ifi_flags = IFF_UP,
					    .ifi_change = IFF_UP };
	}
	own = request(RTM_NEWADDR, NLM_F_CREATE, sizeof(*own));
	*own = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = ETH0 };
	(void)attribute(IFA_LOCAL, address, sizeof(address));
	route = request(RTM_NEWROUTE, NLM_F_CREATE, sizeof(*route));
	*route = (struct rtmsg){ .rtm_family = AF_INET,
				 .rtm_table = RT_TABLE_MAIN,
				 .rtm_type = RTN_UNICAST };
	(void)attribute(RTA_GATEWAY, gateway, sizeof(gateway));
	requests_send();
}

/* -- the container's first process -------------------------------------------------------------- */

static int mount_on(int root, const char *type, const char *place, unsigned int attrs)
{
	int fs = TRY(fsopen(type, FSOPEN_CLOEXEC)), fd;

	TRY(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	fd = TRY(fsmount(fs, FSMOUNT_CLOEXEC, attrs));
	TRY(move_mount(fd, "", root, place, MOVE_MOUNT_F_EMPTY_PATH));
	(void)close(fs);
	return fd;
}

static void dev_make(int root)
{
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
	static const char *const types[][2] = { { "devpts", "pts" },
						{ "tmpfs", "shm" },
						{ "mqueue", "mqueue" } };
	int dev = mount_on(root, "tmpfs", "dev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		char path[32];
		int node;

		(void)snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		if (bundle) {
			struct stat st;

			TRY(stat(path, &st));
			TRY(mknodat(dev, nodes[i], S_IFCHR | 0666, st.st_rdev));
			continue;
		}
		node = TRY(open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
		(void)close(TRY(openat(dev, nodes[i], O_CREAT | O_CLOEXEC, 0666)));
		TRY(move_mount(node, "", dev, nodes[i], MOVE_MOUNT_F_EMPTY_PATH));
		(void)close(node);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		TRY(mkdirat(dev, types[i][1], 0755));
		(void)close(mount_on(dev, types[i][0], types[i][1], MOUNT_ATTR_NOSUID));
	}
	(void)close(dev);
}

/* /sys/fs/cgroup: a tmpfs with a folder for each hierarchy. */
static void cgroups_mount(int root)
{
	int top = mount_on(root, "tmpfs", "sys/fs/cgroup", MOUNT_ATTR_NOSUID);

	for (int i = 0; i < cgroup_count; i++) {
		const char *set = cgroups[i].controllers, *folder = *set ? set : "unified";
		int fs = TRY(fsopen(*set ? "cgroup" : "cgroup2", FSOPEN_CLOEXEC)), fd;

		if (strncmp(set, "name=", 5) == 0) {
			folder = set + 5;
			TRY(fsconfig(fs, FSCONFIG_SET_FLAG, "none", NULL, 0));
			TRY(fsconfig(fs, FSCONFIG_SET_STRING, "name", folder, 0));
		} else if (*set) {
			char each[64], *rest = each, *one;

			(void)snprintf(each, sizeof(each), "%s", set);
			while ((one = strsep(&rest, ",")))
				TRY(fsconfig(fs, FSCONFIG_SET_FLAG, one, NULL, 0));
		}
		TRY(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
		fd = TRY(fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID));
		TRY(mkdirat(top, folder, 0755));
		TRY(move_mount(fd, "", top, folder, MOVE_MOUNT_F_EMPTY_PATH));
		(void)close(fd);
		(void)close(fs);
	}
	(void)close(top);
}

/* The paths that are hidden or read-only, as far as this kernel has them. */
static void paths_close(int root)
{
	static const char *const masked[] = { "proc/acpi", "proc/keys", "proc/timer_list",
					      "proc/scsi", "sys/firmware" };
	static const char *const readonly[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys" };
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd;

	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
		struct stat st;

		if (fstatat(root, masked[i], &st, 0) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			(void)close(mount_on(root, "tmpfs", masked[i], MOUNT_ATTR_RDONLY));
			continue;
		}
		fd = TRY(open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
		TRY(move_mount(fd, "", root, masked[i], MOVE_MOUNT_F_EMPTY_PATH));
		(void)close(fd);
	}
	for (size_t i = 0; i < sizeof(readonly) / sizeof(readonly[0]); i++) {
		fd = TRY(open_tree(root, readonly[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
		TRY(mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
		TRY(move_mount(fd, "", root, readonly[i], MOVE_MOUNT_F_EMPTY_PATH));
		(void)close(fd);
	}
	TRY(mount_setattr(root, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
}

static _Noreturn void child(int socket, bool wired, char **argv)
{
	unsigned int attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	char byte;
	int root;

	for (int i = 0; i < cgroup_count; i++)
		if (cgroups[i].tasks >= 0)
			TRY(write(cgroups[i].tasks, "0", 1));
	TRY(read(socket, &byte, 1));
	TRY(setresgid(0, 0, 0));
	TRY(setresuid(0, 0, 0));
	if (wired)
		wire_use();
	TRY(unshare(CLONE_NEWCGROUP));
	root = fd_receive(socket);
	if (bundle)
		TRY(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	TRY(move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
	(void)close(mount_on(root, "proc", "proc", attrs));
	(void)close(mount_on(root, "sysfs", "sys", attrs | MOUNT_ATTR_RDONLY));
	dev_make(root);
	if (bundle) {
		cgroups_mount(root);
		paths_close(root);
	}
	TRY(fchdir(root));
	TRY(syscall(SYS_pivot_root, ".", "."));
	TRY(umount2(".", MNT_DETACH));
	TRY(chdir("/"));
	(void)execvp(argv[0], argv);
	_exit(127);
}

/* -- the whole -------------------------------------------------------------------------------- */

static void folders_make(const char *dir)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/upper", dir);
	TRY(mkdir(dir, 0700));
	TRY(mkdir(path, 0755));
	(void)snprintf(path, sizeof(path), "%s/work", dir);
	TRY(mkdir(path, 0755));
}

static void folders_take_away(const char *dir)
{
	static const char *const folders[] = { "work/work/incompat/volatile",
					       "work/work/incompat",
					       "work/work",
					       "work",
					       "upper",
					       "" };
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s/dirty", dir, folders[0]);
	TRY(unlink(path));
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, folders[i]);
		TRY(rmdir(path));
	}
}

/* The ids of the container; its user namespace. */
static int ids_map(pid_t pid)
{
	char path[64], map[64];

	(void)snprintf(map, sizeof(map), "0 %u %u\n", (unsigned int)HOST_ID, (unsigned int)IDS);
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	put(path, map);
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
	put(path, map);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return TRY(open(path, O_RDONLY | O_CLOEXEC));
}

int main(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
					    CLONE_NEWIPC | CLONE_NEWUTS,
				   .exit_signal = SIGCHLD };
	const char *bridge = NULL, *lower, *dir = NULL;
	int pair[2], status, userns = -1, root;
	pid_t pid;

	argv++;
	if (argc > 3 && strcmp(argv[0], "--bundle") == 0) {
		bundle = true;
		argv++;
	} else if (argc > 5 && strcmp(argv[0], "--bridge") == 0) {
		bridge = argv[1];
		argv += 2;
	} else if (argc < 4) {
		(void)fputs("usage: floor [--bridge NAME] LOWER DIR COMMAND [ARG...]\n"
			    "       floor --bundle LOWER COMMAND [ARG...]\n",
			    stderr);
		return 125;
	}
	(void)snprintf(name, sizeof(name), "bench-floor-%d", (int)getpid());
	lower = *argv++;
	if (!bundle) {
		args.flags |= CLONE_NEWUSER;
		dir = *argv++;
		folders_make(dir);
	}
	cgroups_make();
	/* born in its cgroup of v2: a write to cgroup.procs would wait for a grace period, as one of "0" to v1's tasks does not */
	for (int i = 0; i < cgroup_count; i++)
		if (cgroups[i].tasks < 0) {
			args.flags |= CLONE_INTO_CGROUP;
			args.cgroup = (unsigned int)cgroups[i].folder;
		}
	TRY(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	pid = TRY(syscall(SYS_clone3, &args, sizeof(args)));
	if (pid == 0)
		child(pair[1], bridge != NULL, argv);
	if (!bundle)
		userns = ids_map(pid);
	if (bridge)
		wire_make(bridge, pid);
	TRY(write(pair[0], "m", 1));
	root = bundle ? TRY(open_tree(AT_FDCWD, lower, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)) :
			root_make(lower, dir, userns);
	fd_send(pair[0], root);
	(void)close(root);
	TRY(waitpid(pid, &status, 0));
	for (int i = 0; i < cgroup_count; i++)
		TRY(unlinkat(cgroups[i].base, name, AT_REMOVEDIR));
	if (!bundle)
		folders_take_away(dir);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
