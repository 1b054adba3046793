/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-guard: what needs libbpf.
 *	load FOLDER OBJECT   load the kill guard, attach it, pin it below FOLDER, and end. What can be done is found out by doing it: refused
 *			     LSM programs leave the tracepoint; sysfs lists a BPF LSM also where the kernel takes none. Prints
 *			     "deny", "audit" or "none" and why. Pinned links act until they are unlinked: there is no daemon to kill.
 *	tcp OBJECT	     write the host's TCP sockets to stdout, struct guard_tcp; nothing stays
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "guard/btf_subset.h"
#include "guard/record.h"

#define BPF_FOLDER "/sys/fs/bpf"

static char first_complaint[512]; /* libbpf's words; it has no other way to give them */

static int complaint_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && !first_complaint[0])
		(void)vsnprintf(first_complaint, sizeof(first_complaint), format, args);
	first_complaint[strcspn(first_complaint, "\n")] = '\0';
	return 0;
}

static int file_system_mount(void)
{
	struct statfs fs;

	if (statfs(BPF_FOLDER, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPF_FOLDER, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return -errno;
	return 0;
}

static int pin_link(const char *folder, struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	struct bpf_link *link = program ? bpf_program__attach(program) : NULL;
	char path[256];
	int r;

	if (!link)
		return program ? -errno : -ENOENT;
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	r = bpf_link__pin(link, path);
	bpf_link__destroy(link); /* a pinned one stays attached */
	return r;
}

static int pin_maps(const char *folder, const struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		char path[256];
		int r;

		if (bpf_map__is_internal(map))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, bpf_map__name(map));
		(void)unlink(path); /* of a load that was killed before its links */
		r = bpf_map__pin(map, path);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Maps first: programs that act before somebody can reach their maps would be of no use. */
static int level_try(const char *folder, const char *path, const char *const *programs)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int r;

	if (!object)
		return -errno;
	bpf_object__for_each_program(program, object)
	{
		bool wanted = false;

		for (size_t i = 0; programs[i]; i++)
			wanted |= strcmp(programs[i], bpf_program__name(program)) == 0;
		(void)bpf_program__set_autoload(program, wanted);
	}
	r = bpf_object__load(object);
	if (r == 0)
		r = pin_maps(folder, object);
	for (size_t i = 0; r == 0 && programs[i]; i++)
		r = pin_link(folder, object, programs[i]);
	for (size_t i = 0; r < 0 && programs[i]; i++) {
		char name[256];

		(void)snprintf(name, sizeof(name), "%s/%s", folder, programs[i]);
		(void)unlink(name);
	}
	/* what is pinned stays when this ends */
	bpf_object__close(object);
	return r;
}

/* The iterator beside the guard; a kernel that does not take it has /proc. Its maps are none of the pinned ones, and go. */
static void files_try(const char *folder, const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	if (!object)
		return;
	bpf_object__for_each_program(program, object)(void) bpf_program__set_autoload(
		program, strcmp(bpf_program__name(program), GUARD_FILES) == 0);
	if (bpf_object__load(object) == 0)
		(void)pin_link(folder, object, GUARD_FILES);
	bpf_object__close(object);
}

/* -- the table of TCP sockets ----------------------------------------------------------------- */

static bool write_all(const void *data, size_t size)
{
	const char *from = data;

	while (size > 0) {
		ssize_t n = write(STDOUT_FILENO, from, size);

		if (n <= 0)
			return false;
		from += n;
		size -= (size_t)n;
	}
	return true;
}

/* One of the two tables, some buckets at a time: the kernel is not held up for longer than a few look-ups of sock_diag(7) would. */
static int table_write(int program, const struct guard_tcp_answer *answer, unsigned int which)
{
	__u64 args[3] = { which, 0, 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));
	__u64 step = 8192;

	do {
		args[2] = args[1] + step > answer->buckets ? answer->buckets - args[1] : step;
		if (bpf_prog_test_run_opts(program, &opts) < 0 || (answer->full && step == 1))
			return 1;
		if (answer->full) {
			step /= 2;
			continue;
		}
		if (!write_all(answer->records, answer->count * sizeof(answer->records[0])))
			return 1;
		args[1] += args[2];
	} while (args[1] < answer->buckets);
	return 0;
}

/* The kernel takes all back when this ends. */
static int tables_write(const char *path)
{
	int types = btf_subset_make(path);
	char types_path[32];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = types < 0 ? NULL : types_path);
	const struct bpf_program *program;
	const struct guard_tcp_answer *answer;
	struct bpf_object *object;

	(void)snprintf(types_path, sizeof(types_path), "/proc/self/fd/%d", types);
	object = bpf_object__open_file(path, &opts);
	if (!object || bpf_object__load(object) < 0)
		return 1;
	program = bpf_object__find_program_by_name(object, "tcp_table");
	answer = mmap(NULL, sizeof(*answer), PROT_READ, MAP_SHARED,
		      bpf_object__find_map_fd_by_name(object, "answers"), 0);
	if (!program || answer == MAP_FAILED)
		return 1;
	return table_write(bpf_program__fd(program), answer, 0) ||
	       table_write(bpf_program__fd(program), answer, 1);
}

/* -- the guard -------------------------------------------------------------------------------- */

static bool is_there(const char *folder, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

int main(int argc, char **argv)
{
	static const char *const deny[] = { "kill", "ptrace", NULL };
	static const char *const audit[] = { "audit", NULL };
	int r;

	(void)libbpf_set_print(complaint_keep);
	if (argc == 3 && strcmp(argv[1], "tcp") == 0)
		return tables_write(argv[2]);
	if (argc != 4 || strcmp(argv[1], "load") != 0) {
		(void)fprintf(stderr, "usage: cloche-guard load FOLDER OBJECT | tcp OBJECT\n");
		return 125;
	}
	r = file_system_mount();
	if (r < 0) {
		(void)printf("none " BPF_FOLDER " cannot be mounted: %s\n", strerror(-r));
		return 1;
	}
	if (is_there(argv[2], "kill") || is_there(argv[2], "audit")) {
		(void)printf("%s already\n", is_there(argv[2], "kill") ? "deny" : "audit");
		return 0;
	}
	if (mkdir(argv[2], 0700) < 0 && errno != EEXIST) {
		(void)printf("none %s cannot be made: %s\n", argv[2], strerror(errno));
		return 1;
	}
	if (level_try(argv[2], argv[3], deny) == 0) {
		files_try(argv[2], argv[3]);
		(void)printf("deny\n");
		return 0;
	}
	first_complaint[0] = '\0';
	r = level_try(argv[2], argv[3], audit);
	if (r == 0) {
		files_try(argv[2], argv[3]);
		(void)printf("audit\n");
		return 0;
	}
	(void)printf("none %s\n", first_complaint[0] ? first_complaint : strerror(-r));
	return 1;
}
