/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "transfer/message.h"
#include "transfer/worker.h"

struct place {
	char path[64];
	int dir, folder;
};

static int setup(void **state)
{
	struct place *place = mem_new(sizeof(*place));

	(void)str_append(place->path, sizeof(place->path), "/tmp/worker_test.XXXXXX");
	if (!mkdtemp(place->path))
		return -1;
	place->dir = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(place->dir, "folder", 0755) < 0 || mkdirat(place->dir, "secret", 0755) < 0)
		return -1;
	place->folder = openat(place->dir, "folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	int r = dir_remove(AT_FDCWD, place->path);

	fd_close(place->dir);
	fd_close(place->folder);
	free(place);
	return r;
}

/* The worker's input is the folder above its own: a descriptor that chroot(2) alone does not take away. */
static int run_in(struct place *place, enum sandbox_kind kind,
		  int (*run)(struct buf *report, struct err *err), struct buf *report,
		  struct err *err)
{
	struct worker worker = WORKER_NONE;
	const struct worker_plan plan = { .kind = kind,
					  .in = place->dir,
					  .out = -1,
					  .folder = place->folder,
					  .run = run };

	if (geteuid() != 0)
		skip();
	assert_int_equal(worker_start(&plan, &worker, err), 0);
	return worker_end(&worker, report, err);
}

/* Note what a step that must be refused gave instead. */
static void must_fail(struct buf *report, const char *what, long result)
{
	if (result >= 0)
		message_add(report, MESSAGE_FILE, what, strlen(what));
}

static int try_everything(struct buf *report, struct err *err)
{
	char *const argv[] = { (char *)"/bin/true", NULL };

	(void)err;
	must_fail(report, "open a host file", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
	must_fail(report, "make a file outside",
		  openat(WORKER_IN, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	must_fail(report, "list a folder outside",
		  openat(WORKER_IN, "secret", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	must_fail(report, "remove outside", unlinkat(WORKER_IN, "secret", AT_REMOVEDIR));
	must_fail(report, "make a whiteout", mknodat(WORKER_FOLDER, "w", S_IFCHR, makedev(0, 0)));
	must_fail(report, "make a disk",
		  mknodat(WORKER_FOLDER, "d", S_IFBLK | 0666, makedev(8, 0)));
	must_fail(report, "set overlayfs's attribute",
		  fsetxattr(WORKER_FOLDER, "trusted.overlay.opaque", "y", 1, 0));
	must_fail(report, "make a socket", socket(AF_INET, SOCK_STREAM, 0));
	must_fail(report, "make a unix socket", socket(AF_UNIX, SOCK_STREAM, 0));
	must_fail(report, "fork", fork());
	must_fail(report, "exec", execv(argv[0], argv));
	must_fail(report, "ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0));
	must_fail(report, "mount", mount("none", "/", "tmpfs", 0, NULL));
	must_fail(report, "signal its parent", kill(getppid(), 0));
	must_fail(report, "chroot", chroot("/"));
	must_fail(report, "write code",
		  mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0) == MAP_FAILED ?
			  -1 :
			  0);
	return 0;
}

/* The other half: it has the network, and nothing else. */
static int try_beside_the_network(struct buf *report, struct err *err)
{
	char *const argv[] = { (char *)"/bin/true", NULL };

	must_fail(report, "read shadow", open("/etc/shadow", O_RDONLY | O_CLOEXEC));
	must_fail(report, "read root's home", open("/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	must_fail(report, "make a file in /tmp",
		  open("/tmp/worker_test.made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	must_fail(report, "make a file in /dev/shm",
		  open("/dev/shm/worker_test.made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	must_fail(report, "make a file outside",
		  openat(WORKER_IN, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	must_fail(report, "make a file in its folder",
		  openat(WORKER_FOLDER, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	must_fail(report, "write a file of the host", open("/etc/hosts", O_WRONLY | O_CLOEXEC));
	must_fail(report, "become root", setuid(0));
	must_fail(report, "exec", execv(argv[0], argv));
	must_fail(report, "ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0));
	must_fail(report, "mount", mount("none", "/", "tmpfs", 0, NULL));
	must_fail(report, "signal its parent", kill(getppid(), 0));
	must_fail(report, "chroot", chroot("/"));
	if (socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0)
		return err_sys(err, errno, "make a socket");
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
		return err_sys(err, errno, "read what name service needs");
	return 0;
}

static int write_tree(struct buf *report, struct err *err)
{
	int fd = openat(WORKER_FOLDER, "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	(void)report;
	if (fd < 0 || fchown(fd, 5, 6) < 0 || fchmod(fd, 04755) < 0 ||
	    mkdirat(WORKER_FOLDER, "sub", 0755) < 0 ||
	    linkat(WORKER_FOLDER, "file", WORKER_FOLDER, "sub/link", 0) < 0 ||
	    symlinkat("/etc/passwd", WORKER_FOLDER, "sym") < 0 ||
	    mkfifoat(WORKER_FOLDER, "fifo", 0600) < 0)
		return err_sys(err, errno, "write");
	return 0;
}

static int fail_with_words(struct buf *report, struct err *err)
{
	message_add(report, MESSAGE_WHITEOUT, "/x", 2);
	return err_set(err, ENOTUNIQ, "entry a\033[31m: twice");
}

static int die(struct buf *report, struct err *err)
{
	(void)report;
	(void)err;
	abort();
}

static int leave_without_a_word(struct buf *report, struct err *err)
{
	(void)report;
	(void)err;
	_exit(0);
}

static void nothing_but_its_folder_is_within_reach(void **state)
{
	static const enum sandbox_kind kinds[] = { SANDBOX_TREE, SANDBOX_STREAM };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
		struct err err = ERR_NONE;
		struct message m;
		size_t at = 0;

		if (run_in(*state, kinds[i], try_everything, &report, &err) < 0)
			fail_msg("%s", err.words);
		while (message_next(&report, &at, &m) == 1)
			if (m.kind == MESSAGE_FILE)
				fail_msg("it could %.*s", (int)m.length, m.data);
	}
}

static void who_has_the_network_has_nothing_else(void **state)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	struct err err = ERR_NONE;
	struct message m;
	size_t at = 0;

	if (run_in(*state, SANDBOX_NETWORK, try_beside_the_network, &report, &err) < 0)
		fail_msg("%s", err.words);
	while (message_next(&report, &at, &m) == 1)
		if (m.kind == MESSAGE_FILE)
			fail_msg("it could %.*s", (int)m.length, m.data);
}

static void a_tree_can_be_written(void **state)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY, again = BUF_EMPTY;
	struct place *place = *state;
	struct err err = ERR_NONE;
	struct stat st;

	if (run_in(place, SANDBOX_TREE, write_tree, &report, &err) < 0)
		fail_msg("%s", err.words);
	assert_int_equal(fstatat(place->folder, "sub/link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 04755);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_true(run_in(place, SANDBOX_STREAM, write_tree, &again, &err) < 0);
}

static void its_error_arrives_escaped(void **state)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	struct err err = ERR_NONE;

	assert_int_equal(run_in(*state, SANDBOX_STREAM, fail_with_words, &report, &err), -ENOTUNIQ);
	assert_string_equal(err.words, "entry a\\x1b[31m: twice");
}

static void its_death_and_its_silence_are_errors(void **state)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY, silence = BUF_EMPTY;
	struct err err = ERR_NONE;

	assert_int_equal(run_in(*state, SANDBOX_STREAM, die, &report, &err), -EIO);
	assert_non_null(strstr(err.words, "was ended by signal 6"));
	assert_int_equal(run_in(*state, SANDBOX_STREAM, leave_without_a_word, &silence, &err),
			 -EIO);
	assert_non_null(strstr(err.words, "ended without a report"));
}

/* Waits for nothing, with its output open. */
static int wait_long(struct buf *report, struct err *err)
{
	(void)report;
	if (write(WORKER_OUT, "x", 1) != 1)
		return err_sys(err, errno, "write");
	(void)poll(NULL, 0, 60000); /* by then the test has failed */
	return 0;
}

static _Noreturn void start_and_die(const struct place *place, enum sandbox_kind kind, int out)
{
	struct worker worker = WORKER_NONE;
	struct err err = ERR_NONE;
	const struct worker_plan plan = { .kind = kind,
					  .in = place->dir,
					  .out = out,
					  .folder = place->folder,
					  .run = wait_long };

	if (worker_prepare(&err) < 0 || worker_start(&plan, &worker, &err) < 0)
		_exit(1);
	(void)poll(NULL, 0, 60000);
	_exit(1);
}

static void it_ends_with_its_parent(void **state)
{
	static const enum sandbox_kind kinds[] = { SANDBOX_TREE, SANDBOX_STREAM, SANDBOX_NETWORK };

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct pollfd end = { .events = POLLIN };
		int ends[2];
		pid_t parent;
		char byte;

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		parent = fork();
		if (parent == 0)
			start_and_die(*state, kinds[i], ends[1]);
		fd_close(ends[1]);
		assert_int_equal(read(ends[0], &byte, 1), 1); /* it is in its sandbox */
		assert_int_equal(kill(parent, SIGKILL), 0);
		assert_int_equal(waitpid(parent, NULL, 0), parent);
		end.fd = ends[0];
		assert_int_equal(poll(&end, 1, 20000), 1);
		assert_int_equal(read(ends[0], &byte, 1), 0); /* nobody has the other end */
		fd_close(ends[0]);
	}
}

static int prepare(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	return worker_prepare(&err);
}

static int finish(void **state)
{
	(void)state;
	worker_finish();
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_but_its_folder_is_within_reach),
		TEST(who_has_the_network_has_nothing_else),
		TEST(a_tree_can_be_written),
		TEST(its_error_arrives_escaped),
		TEST(its_death_and_its_silence_are_errors),
		TEST(it_ends_with_its_parent),
	};

	return cmocka_run_group_tests(tests, prepare, finish);
}
