/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/status.h"

bool resolver_wanted(const struct record *record)
{
	const json_t *exposed = json_at(record->config, "Config.ExposedPorts");

	return !json_object_get(exposed, "53/udp") && !json_object_get(exposed, "53/tcp");
}

/* -- the process ------------------------------------------------------------------------------ */

static void socket_name(struct engine *engine, struct sockaddr_un *name)
{
	/* by descriptor: a path may be longer than sun_path */
	*name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(name->sun_path, sizeof(name->sun_path), "/proc/self/fd/%d/resolve.sock",
		       engine->run);
}

static int try_connect(struct engine *engine)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un name;

	socket_name(engine, &name);
	if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		return -errno;
	return fd_take(&fd);
}

static int spawn(struct engine *engine, int fd, int lock, struct err *err)
{
	_cleanup_free_ char *program = str_printf("%s/cloche-resolve", engine->libexec);
	_cleanup_free_ char *path = str_printf("%s/resolve.sock", engine->settings.run_root);
	char fd_text[12], lock_text[12];
	char *const argv[] = { (char *)"cloche-resolve", fd_text, lock_text, path, NULL };
	char *const env[] = { NULL };
	int ends[2], code = 0;
	ssize_t n;
	pid_t pid;

	(void)snprintf(fd_text, sizeof(fd_text), "%d", fd);
	(void)snprintf(lock_text, sizeof(lock_text), "%d", lock);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = fork();
	if (pid == 0) {
		/* twice, so that it is nobody's child */
		if (fork() != 0)
			_exit(0);
		(void)fcntl(fd, F_SETFD, 0);
		(void)fcntl(lock, F_SETFD, 0);
		/* for who watches it */
		(void)status_process_write(engine->run, "resolve", getpid(), &(struct err){ 0 });
		(void)execve(program, argv, env);
		code = errno;
		(void)!write(ends[1], &code, sizeof(code));
		_exit(127);
	}
	fd_close(ends[1]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	n = pid < 0 ? 0 : read(ends[0], &code, sizeof(code));
	fd_close(ends[0]);
	if (pid < 0)
		return err_sys(err, errno, "fork");
	return n > 0 ? err_sys(err, code, "execute %s", program) : 0;
}

/* Alone under the lock. */
static int start(struct engine *engine, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	_cleanup_close_ int lock = -1;
	struct sockaddr_un name;
	mode_t mask;
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open a socket");
	socket_name(engine, &name);
	(void)unlinkat(engine->run, "resolve.sock", 0);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&name, sizeof(name));
	(void)umask(mask);
	if (r < 0 || listen(fd, SOMAXCONN) < 0)
		return err_sys(err, errno, "listen for the resolver");
	lock = openat(engine->run, "network.lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0)
		return err_sys(err, errno, "open the networks' lock");
	return spawn(engine, fd, lock, err);
}

/* -- telling ---------------------------------------------------------------------------------- */

static const char *or_none(const char *text)
{
	return text && *text ? text : "-";
}

static void names_put(struct buf *text, const struct record *record, const struct endpoint *one)
{
	const json_t *aliases = json_at(one->request, "Aliases"), *alias;
	const char *hostname = json_string_at(record->config, "Config.Hostname", "");
	size_t i;

	buf_printf(text, " %s %s.%s %.12s", record->row.name, record->row.name,
		   one->network.row.name, record->row.id);
	if (*hostname && !str_prefix(record->row.id, hostname) && !strpbrk(hostname, " \n"))
		buf_printf(text, " %s", hostname);
	json_array_foreach(aliases, i, alias)
	{
		const char *name = json_string_value(alias);

		if (name && *name && !strpbrk(name, " \n"))
			buf_printf(text, " %s %s.%s", name, name, one->network.row.name);
	}
}

static void message_put(struct buf *text, const struct record *record,
			const struct endpoints *endpoints)
{
	_cleanup_strv_ char **servers = json_strv_at(record->config, "HostConfig.Dns");
	const struct endpoint *gateway = endpoints_gateway(endpoints);
	char ip4[ADDRESS_TEXT], ip6[ADDRESS_TEXT];

	buf_printf(text, "container %s\n", record->row.id);
	for (size_t i = 0; i < endpoints->count; i++) {
		const struct endpoint *one = &endpoints->list[i];

		buf_printf(text, "net %s %s %s", one->row.network, or_none(one->row.ip4),
			   or_none(one->row.ip6));
		names_put(text, record, one);
		buf_puts(text, "\n");
	}
	if (gateway)
		buf_printf(text, "gateway %s %s\n",
			   or_none(address_text(&gateway->network.subnet4.address, ip4)),
			   or_none(address_text(&gateway->network.subnet6.address, ip6)));
	else
		buf_puts(text, "internal\n");
	for (size_t i = 0; servers && servers[i]; i++)
		buf_printf(text, "server %s\n", servers[i]);
}

int resolver_sockets(int ret_sockets[2], struct err *err)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(53) };
	_cleanup_close_ int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	_cleanup_close_ int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)inet_pton(AF_INET, RESOLVER_ADDRESS, &name.sin_addr);
	if (udp < 0 || tcp < 0 || bind(udp, (struct sockaddr *)&name, sizeof(name)) < 0 ||
	    bind(tcp, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(tcp, 64) < 0)
		return err_sys(err, errno, "make the name server's sockets");
	ret_sockets[0] = fd_take(&udp);
	ret_sockets[1] = fd_take(&tcp);
	return 0;
}

int resolver_tell(int connection, const struct record *record, const struct endpoints *endpoints,
		  int pidfd, const int sockets[2], struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int fds[3] = { pidfd, sockets ? sockets[0] : -1, sockets ? sockets[1] : -1 };
	int r;

	message_put(&text, record, endpoints);
	r = fd_pass_send_bytes(connection, text.data, text.length, fds,
			       pidfd >= 0 ? ARRAY_SIZE(fds) : 0);
	if (r < 0)
		return err_sys(err, r, "tell the resolver of %s", record->row.name);
	return 0;
}

/* -- those that run already ------------------------------------------------------------------- */

static int sockets_inside(pid_t pid, int ret_sockets[2], struct err *err)
{
	_cleanup_close_ int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *path = str_printf("/proc/%d/ns/net", (int)pid);
	_cleanup_close_ int inside = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (host < 0 || inside < 0 || setns(inside, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "enter the container's network namespace");
	r = resolver_sockets(ret_sockets, err);
	if (setns(host, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "return to the host's network namespace");
	return r;
}

static void tell_one(struct engine *engine, const char *id, int connection)
{
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_close_ int pidfd = status_pidfd(engine, id);
	struct container_status status;
	struct err err = ERR_NONE;
	int sockets[2] = { -1, -1 };

	if (pidfd < 0 || record_find(engine, id, &record, &err) < 0 || !resolver_wanted(&record) ||
	    endpoints_load(engine, &record, &endpoints, &err) < 0 || endpoints.count == 0)
		return;
	status_get(engine, id, &status);
	if (status.status == STATUS_RUNNING && sockets_inside(status.pid, sockets, &err) == 0)
		(void)resolver_tell(connection, &record, &endpoints, pidfd, sockets, &err);
	fd_close(sockets[0]);
	fd_close(sockets[1]);
}

/* Each by a message of its own on one connection. What cannot be told has no names: it runs on all the same. */
static void tell_all(struct engine *engine, int connection)
{
	struct container_row *rows = NULL;
	struct err err = ERR_NONE;
	int count = engine_store(engine, &err) ? container_list(engine->store, false, &rows, &err) :
						 0;

	for (int i = 0; i < count; i++)
		tell_one(engine, rows[i].id, connection);
	if (count > 0)
		container_rows_free(rows, (size_t)count);
}

int resolver_open(struct engine *engine, int lock, struct err *err)
{
	int fd = try_connect(engine), r;

	if (fd >= 0)
		return fd;
	(void)flock(lock, LOCK_EX);
	fd = try_connect(engine); /* somebody may have been first */
	if (fd < 0) {
		r = start(engine, err);
		fd = r < 0 ? r : try_connect(engine);
		if (r == 0 && fd < 0)
			err_sys(err, fd, "connect to the resolver");
		if (fd >= 0)
			tell_all(engine, fd);
	}
	(void)flock(lock, LOCK_SH);
	return fd;
}

static bool has_networks(struct engine *engine, const char *id)
{
	struct endpoint_row *rows = NULL;
	struct err ignored = ERR_NONE;
	int count = endpoint_list(engine->store, NULL, id, &rows, &ignored);

	if (count > 0)
		endpoint_rows_free(rows, (size_t)count);
	return count > 0;
}

int resolver_restore(struct engine *engine, struct err *err)
{
	_cleanup_close_ int there = try_connect(engine), lock = -1, connection = -1;
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	bool wanted = false;
	int count;

	if (there >= 0)
		return 0;
	count = store ? container_list(store, false, &rows, err) : -err->code;
	for (int i = 0; i < count && !wanted; i++) {
		_cleanup_close_ int pidfd = status_pidfd(engine, rows[i].id);

		wanted = pidfd >= 0 && has_networks(engine, rows[i].id);
	}
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	if (count <= 0 || !wanted)
		return count < 0 ? count : 0;
	lock = network_lock(engine, false, err);
	connection = lock < 0 ? lock : resolver_open(engine, lock, err);
	return connection < 0 ? connection : 0;
}
