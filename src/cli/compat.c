/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compat: whether an image fits this host, before it is run. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/package_view.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/image_need.h"
#include "engine/image_view.h"
#include "host/distribution.h"
#include "image/architecture.h"
#include "image/elf_need.h"
#include "runtime/capability.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_answer.h"
#include "state/store.h"

enum verdict { FITS, WARNS, FAILS, UNKNOWN };

struct compat {
	struct engine *engine;
	struct image_row image;
	const json_t *config;
	json_t *findings;
	struct utsname host;
	enum verdict worst; /* FITS, WARNS or FAILS */
	char today[16];	    /* YYYY-MM-DD */
};

static void found(struct compat *compat, enum verdict verdict, const char *what, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));

static void found(struct compat *compat, enum verdict verdict, const char *what, const char *fmt,
		  ...)
{
	static const char *const words[] = { "ok", "warning", "no", "unknown" };
	json_t *one = json_object();
	char text[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json_put(one, "Check", json_text(what));
	json_put(one, "Verdict", json_text(words[verdict]));
	json_put(one, "Reason", json_text(text));
	json_push(compat->findings, one);
	if (verdict != UNKNOWN && verdict > compat->worst)
		compat->worst = verdict;
}

/* -- what the kernel and the processor must be ------------------------------------------------ */

static void architecture_check(struct compat *compat)
{
	const char *wanted = json_string_at(compat->config, "architecture", "");

	if (!*wanted)
		found(compat, UNKNOWN, "architecture", "the image does not say");
	else if (architecture_runs(wanted))
		found(compat, FITS, "architecture", "%s", wanted);
	else
		found(compat, FAILS, "architecture", "the image is for %s, this host is %s", wanted,
		      architecture_here());
}

/* -- what the image asks for: engine/image_need.h --------------------------------------------- */

static void need_found(void *data, enum need_verdict verdict, const char *what, const char *words)
{
	found(data, verdict == NEED_MET ? FITS : FAILS, what, "%s", words);
}

/* Of an image that was stored before needs were, they are worked out now. */
static void needs_check(struct compat *compat)
{
	_cleanup_free_ char *now =
		compat->image.needs ? NULL : image_need_of(compat->engine, &compat->image);
	_cleanup_json_ json_t *needs = json_loads(now ? now : compat->image.needs, 0, NULL);

	if (!json_bool_at(needs, "Libc"))
		found(compat, UNKNOWN, "libc",
		      "the image has none that is known (static programs ask for nothing)");
	else if (!*json_string_at(needs, "Kernel", ""))
		found(compat, UNKNOWN, "kernel",
		      "the image's libc does not say which kernel it needs");
	image_need_check(compat->engine, needs, need_found, compat);
}

/* -- what seccomp lets the image's libc do ---------------------------------------------------- */

#if defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#endif

#define CALL(name) \
	{ \
		SYS_##name, #name \
	}
struct call {
	unsigned int number;
	const char *name;
};

/* Without these no program of any libc starts, makes a thread or a process: an error other than ENOSYS, after which libc takes an older way, ends it. */
static const struct call essential[] = {
	CALL(read),	   CALL(write),		  CALL(close),		CALL(openat),
	CALL(mmap),	   CALL(mprotect),	  CALL(munmap),		CALL(brk),
	CALL(fstat),	   CALL(newfstatat),	  CALL(statx),		CALL(readlinkat),
	CALL(faccessat2),  CALL(rt_sigaction),	  CALL(rt_sigprocmask), CALL(clone),
	CALL(clone3),	   CALL(execve),	  CALL(exit_group),	CALL(wait4),
	CALL(futex),	   CALL(set_robust_list), CALL(rseq),		CALL(prlimit64),
	CALL(getrandom),   CALL(set_tid_address), CALL(getdents64),	CALL(clock_gettime),
	CALL(close_range), CALL(pipe2),		  CALL(fcntl),		CALL(lseek),
#ifdef SYS_arch_prctl
	CALL(arch_prctl),
#endif
};

/* Wrappers that every libc has of calls which act on the whole host or are gone from the kernel: no program of a container counts on them. */
static const struct call host_wide[] = {
	CALL(swapon),	     CALL(swapoff),	    CALL(pivot_root),	CALL(nfsservctl),
	CALL(kexec_load),    CALL(quotactl),
#ifdef SYS_uselib
	CALL(uselib),	     CALL(ustat),	    CALL(sysfs),	CALL(_sysctl),
	CALL(create_module), CALL(get_kernel_syms), CALL(query_module),
#endif
};

static const char *call_in(const struct call *list, size_t count, unsigned int number)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].number == number)
			return list[i].name;
	return NULL;
}

/* What the filter answers when all arguments are 0. */
static uint32_t answer(const struct seccomp_program *program, unsigned int number)
{
	const struct seccomp_data data = { .nr = (int)number, .arch = OWN_ARCHITECTURE };

	return seccomp_answer(program, &data);
}

static void call_name(struct buf *names, unsigned int number)
{
	_cleanup_free_ char *name = seccomp_call_name(number);

	buf_printf(names, "%s%s", names->length ? ", " : "", name);
}

static void calls_compare(struct compat *compat, const struct elf_calls *calls,
			  const struct seccomp_program *plain, const struct seccomp_program *full)
{
	_cleanup_(buf_clear) struct buf missing = BUF_EMPTY, odd = BUF_EMPTY;
	unsigned int allowed = 0, older = 0, by_right = 0, host = 0;

	for (unsigned int n = 0; n <= ELF_CALLS_MOST; n++) {
		uint32_t reply = elf_calls_has(calls, n) ? answer(plain, n) : 0;

		if (reply == 0)
			continue;
		if (reply == SECCOMP_RET_ALLOW)
			allowed++;
		else if (reply == (SECCOMP_RET_ERRNO | ENOSYS))
			older++; /* libc does without, as on an older kernel */
		else if (call_in(essential, ARRAY_SIZE(essential), n))
			call_name(&missing, n);
		else if (answer(full, n) == SECCOMP_RET_ALLOW)
			by_right++;
		else if (call_in(host_wide, ARRAY_SIZE(host_wide), n))
			host++;
		else
			call_name(&odd, n);
	}
	if (missing.length)
		found(compat, FAILS, "system calls",
		      "the image's libc needs these, which the seccomp list denies: %s",
		      missing.data);
	if (odd.length)
		found(compat, WARNS, "system calls",
		      "the seccomp list denies calls of the image's libc: %s", odd.data);
	if (!missing.length && !odd.length)
		found(compat, FITS, "system calls",
		      "of %u that the image's libc makes the seccomp list allows %u, %u with capabilities, %u as on an older kernel; %u act on the whole host",
		      calls->count, allowed, by_right, older, host);
}

static int calls_check(struct compat *compat, const char *profile, struct err *err)
{
	_cleanup_close_ int fd =
		image_view_open(compat->engine, &compat->image, image_need_libraries);
	_cleanup_(seccomp_clear) struct seccomp_program plain = { 0 }, full = { 0 };
	struct seccomp_policy policy = { .profile_path = profile,
					 .capabilities = capability_default };
	struct elf_calls calls;
	int r;

	if (fd < 0)
		return 0;
	elf_calls_read(fd, &calls);
	if (calls.count == 0)
		return 0;
	r = seccomp_compile(&policy, -1, &plain, err);
	policy.capabilities = UINT64_MAX;
	if (r == 0)
		r = seccomp_compile(&policy, -1, &full, err);
	if (r == 0)
		calls_compare(compat, &calls, &plain, &full);
	return r;
}

/* -- what distribution it is ------------------------------------------------------------------ */

static void distribution_check(struct compat *compat)
{
	_cleanup_(distribution_clear) struct distribution theirs = { 0 }, own = { 0 };
	bool ended;

	package_view_distribution(compat->engine, &compat->image, &theirs);
	package_view_distribution(compat->engine, NULL, &own);
	if (!*theirs.id) {
		found(compat, UNKNOWN, "distribution", "the image does not say");
		return;
	}
	ended = distribution_ended(&theirs, compat->today);
	if (!*theirs.support_end)
		found(compat, UNKNOWN, "distribution", "%s %s: the end of its support is not known",
		      theirs.id, theirs.version);
	else
		found(compat, ended ? WARNS : FITS, "distribution",
		      ended ? "%s %s: security support ended on %s" :
			      "%s %s: security support until %s",
		      theirs.id, theirs.version, theirs.support_end);
	if (strcmp(own.id, theirs.id) == 0 && strcmp(own.version, theirs.version) != 0)
		found(compat, FITS, "release",
		      "the image is %s %s, this host %s; programs that talk to the kernel's modules want the same",
		      theirs.id, theirs.version, own.version);
}

/* `run host`: this host's libc, distribution and packages are the image's. */
static void host_row(struct image_row *row)
{
	_cleanup_json_ json_t *config = json_object();

	json_put(config, "architecture", json_text(architecture_here()));
	row->id = str_dup("host");
	row->config = json_dumps(config, JSON_COMPACT);
	strv_add(&row->layers, IMAGE_VIEW_HOST);
}

/* How far the image's packages are behind the host's, and how old it is. */
static void patches_check(struct compat *compat)
{
	struct package_view view = PACKAGE_VIEW_EMPTY;
	const char *created = json_string_at(compat->config, "created", "");
	struct tm tm = { 0 };

	if (strcmp(compat->image.id, "host") == 0) {
		found(compat, FITS, "patches",
		      "its programs are the host's own, as they are at each start");
		return;
	}
	package_view_compare(compat->engine, &compat->image, NULL, &view);
	if (view.why_not)
		found(compat, UNKNOWN, "patches", "%s", view.why_not);
	else if (view.older > 0)
		found(compat, WARNS, "patches",
		      "%zu of %zu packages that the host has too are older than its own; cloche outdated --packages names them",
		      view.older, view.common);
	else
		found(compat, FITS, "patches",
		      "none of %zu packages that the host has too is older than its own",
		      view.common);
	package_view_clear(&view);
	if (strptime(created, "%Y-%m-%dT%H:%M:%S", &tm)) {
		time_t made = timegm(&tm), now = time(NULL);

		if (made > 0 && now >= made)
			found(compat, FITS, "age", "made %.10s, %lld days ago", created,
			      (long long)(now - made) / 86400);
	}
}

/* -- the command ------------------------------------------------------------------------------ */

struct compat_args {
	bool json;
	const char *seccomp;
};

static const struct opt compat_opts[] = {
	OPT_FORMAT_JSON(struct compat_args, json),
	OPT_BOOL(0, "json", struct compat_args, json, "print an array of objects"),
	OPT_STRING(0, "seccomp", "FILE", struct compat_args, seccomp,
		   "check against this profile instead of the built-in list"),
	OPT_END,
};

static int compat_run(void *data, void *args, char **operands, struct err *err)
{
	const struct compat_args *a = args;
	struct compat compat = { .engine = cli_engine(data, err) };
	_cleanup_json_ json_t *config = NULL, *findings = json_array();
	const json_t *one;
	size_t i;

	if (!compat.engine)
		return 125;
	if (strcmp(operands[0], "host") == 0)
		host_row(&compat.image);
	else if (image_resolve(compat.engine, operands[0], &compat.image, err) < 0)
		return 125;
	config = json_loads(compat.image.config ? compat.image.config : "{}", 0, NULL);
	compat.config = config;
	compat.findings = findings;
	(void)uname(&compat.host);
	package_view_today(compat.today);
	architecture_check(&compat);
	needs_check(&compat);
	if (calls_check(&compat, a->seccomp, err) < 0) {
		image_row_clear(&compat.image);
		return 125;
	}
	distribution_check(&compat);
	patches_check(&compat);
	image_row_clear(&compat.image);
	if (a->json) {
		(void)json_dumpf(findings, stdout, JSON_INDENT(1));
		(void)putchar('\n');
	}
	json_array_foreach(findings, i, one)
	{
		const char *reason = json_string_at(one, "Reason", "");
		char safe[1024];

		str_escape(safe, sizeof(safe), reason, strlen(reason));
		if (!a->json)
			(void)printf("%-8s %-13s %s\n", json_string_at(one, "Verdict", ""),
				     json_string_at(one, "Check", ""), safe);
	}
	return compat.worst == FAILS;
}

const struct command command_compat = {
	.name = "compat",
	.args = "IMAGE",
	.summary = "check whether an image fits this host's kernel, processor, modules and devices",
	.details =
		"Architecture and micro-level (x86-64-v2 and on) and the lowest kernel release are what the image's libc asks for in its notes, which is "
		"worked out when an image is stored; a start warns of what is not met. System calls are those that the libc's own code makes, against the seccomp list; "
		"kernel modules, devices and a kernel release may be asked for by the labels org.cloche.requires.modules, .devices and .kernel, each a "
		"list parted by commas, which are reported and never acted on. Also told are systemd's demand on the version of cgroups, until when the "
		"image's distribution has security support, how many of its packages are older than the host's, and its age. Of the image host, the host's own libc and distribution are told. Ends with 1 when something does not fit; warnings do not count.",
	.opts = compat_opts,
	.args_size = sizeof(struct compat_args),
	.run = compat_run,
	.flags = COMMAND_INTERSPERSED,
};
