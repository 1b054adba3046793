/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compat: whether an image fits this host, before it is run. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/image_view.h"
#include "cli/package_view.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "host/distribution.h"
#include "host/elf_need.h"
#include "runtime/cgroup.h"
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
	const char *machine = compat->host.machine;
	const char *own = strcmp(machine, "x86_64") == 0  ? "amd64" :
			  strcmp(machine, "aarch64") == 0 ? "arm64" :
							    machine;

	if (!*wanted)
		found(compat, UNKNOWN, "architecture", "the image does not say");
	else if (strcmp(wanted, own) == 0 ||
		 (strcmp(own, "amd64") == 0 && strcmp(wanted, "386") == 0))
		found(compat, FITS, "architecture", "%s", wanted);
	else
		found(compat, FAILS, "architecture", "the image is for %s, this host is %s", wanted,
		      own);
}

static int release_compare(const unsigned int a[3], const unsigned int b[3])
{
	for (int i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static void release_parse(const char *text, unsigned int out[3])
{
	memset(out, 0, 3 * sizeof(out[0]));
	(void)sscanf(text, "%u.%u.%u", &out[0], &out[1], &out[2]);
}

static void libc_check(struct compat *compat)
{
	static const char *const libraries[] = {
		"usr/lib/x86_64-linux-gnu/libc.so.6",
		"lib/x86_64-linux-gnu/libc.so.6",
		"usr/lib/aarch64-linux-gnu/libc.so.6",
		"lib/aarch64-linux-gnu/libc.so.6",
		"usr/lib64/libc.so.6",
		"lib64/libc.so.6",
		"usr/lib/libc.so.6",
		"lib/ld-musl-x86_64.so.1",
		"lib/ld-musl-aarch64.so.1",
		"usr/lib/ld-musl-x86_64.so.1",
		NULL,
	};
	_cleanup_close_ int fd = image_view_open(compat->engine, &compat->image, libraries);
	_cleanup_(buf_clear) struct buf cpu = BUF_EMPTY;
	struct elf_need need;
	unsigned int own[3], level;

	if (fd < 0) {
		found(compat, UNKNOWN, "libc",
		      "the image has none that is known (static programs ask for nothing)");
		return;
	}
	elf_need_read(fd, &need);
	release_parse(compat->host.release, own);
	if (need.kernel[0] == 0)
		found(compat, UNKNOWN, "kernel",
		      "the image's libc does not say which kernel it needs");
	else
		found(compat, release_compare(own, need.kernel) < 0 ? FAILS : FITS, "kernel",
		      "the image's libc asks for Linux %u.%u.%u, this host has %s", need.kernel[0],
		      need.kernel[1], need.kernel[2], compat->host.release);
	if (need.level == 0 || file_read(AT_FDCWD, "/proc/cpuinfo", 1 << 20, &cpu) < 0)
		return;
	level = elf_level_of_flags(cpu.data);
	found(compat, level && level < need.level ? FAILS : FITS, "processor",
	      "the image's libc asks for x86-64-v%u, this processor is v%u", need.level, level);
}

/* -- what the image says of itself ------------------------------------------------------------ */

static bool module_there(const struct compat *compat, const char *name)
{
	_cleanup_free_ char *file = str_dup(name);
	static const char *const lists[] = { "modules.builtin", "modules.dep" };
	_cleanup_free_ char *loaded = NULL;

	for (char *p = file; *p; p++)
		if (*p == '-')
			*p = '_';
	loaded = str_printf("/sys/module/%s", file);
	if (!strchr(name, '/') && access(loaded, F_OK) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_free_ char *path =
			str_printf("/lib/modules/%s/%s", compat->host.release, lists[i]);
		_cleanup_free_ char *one = str_printf("/%s.ko", name),
				    *two = str_printf("/%s.ko", file);
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

		if (file_read(AT_FDCWD, path, 16 << 20, &text) == 0 &&
		    (strstr(text.data, one) || strstr(text.data, two)))
			return true;
	}
	return false;
}

static void labels_check(struct compat *compat)
{
	const json_t *labels = json_at(compat->config, "config.Labels");
	const char *modules = json_string_value(
			   json_object_get(labels, "org.cloche.requires.modules")),
		   *devices = json_string_value(
			   json_object_get(labels, "org.cloche.requires.devices")),
		   *kernel =
			   json_string_value(json_object_get(labels, "org.cloche.requires.kernel"));

	if (kernel) {
		unsigned int wanted[3], own[3];

		release_parse(kernel, wanted);
		release_parse(compat->host.release, own);
		found(compat, release_compare(own, wanted) < 0 ? FAILS : FITS, "kernel",
		      "the image's label asks for Linux %s, this host has %s", kernel,
		      compat->host.release);
	}
	if (modules) {
		_cleanup_strv_ char **list = strv_split(modules, ',');

		for (size_t i = 0; list[i]; i++) {
			const char *name = list[i] + strspn(list[i], " ");

			if (!*name)
				continue;
			if (module_there(compat, name))
				found(compat, FITS, "module", "%s is here", name);
			else
				found(compat, FAILS, "module",
				      "%s is neither loaded nor in /lib/modules/%s", name,
				      compat->host.release);
		}
	}
	if (devices) {
		_cleanup_strv_ char **list = strv_split(devices, ',');

		for (size_t i = 0; list[i]; i++) {
			const char *path = list[i] + strspn(list[i], " ");

			if (str_prefix(path, "/dev/"))
				found(compat, access(path, F_OK) == 0 ? FITS : FAILS, "device",
				      access(path, F_OK) == 0 ?
					      "%s is here; pass it with --device" :
					      "%s is not on this host",
				      path);
		}
	}
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

/* How far the image's packages are behind the host's, and how old it is. */
static void patches_check(struct compat *compat)
{
	struct package_view view = PACKAGE_VIEW_EMPTY;
	const char *created = json_string_at(compat->config, "created", "");
	struct tm tm = { 0 };

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

/* systemd 256 starts on cgroup v1 only when forced to, 258 not at all (its NEWS). */
static void systemd_check(struct compat *compat)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct err ignored = ERR_NONE;
	const struct cgroup *cgroup = engine_cgroup(compat->engine, &ignored);
	const char *at;
	unsigned int version = 0;

	image_view_text(compat->engine, &compat->image, "var/lib/dpkg/status", 32 << 20, &text);
	at = strstr(text.data, "\nPackage: systemd\n");
	at = at ? strstr(at, "\nVersion: ") : NULL;
	if (!at || sscanf(at, "\nVersion: %u", &version) != 1 || !cgroup)
		return;
	if (cgroup_mode(cgroup) == CGROUP_V2 || version < 256)
		found(compat, FITS, "systemd", "%u runs with this host's cgroups", version);
	else
		found(compat, FAILS, "systemd",
		      "%u wants cgroup v2, this host has v1; other programs of the image do not mind",
		      version);
}

/* -- the command ------------------------------------------------------------------------------ */

struct compat_args {
	bool json;
};

static const struct opt compat_opts[] = {
	OPT_BOOL(0, "json", struct compat_args, json, "print an array of objects"),
	OPT_END,
};

static int compat_run(void *data, void *args, char **operands, struct err *err)
{
	const struct compat_args *a = args;
	struct compat compat = { .engine = cli_engine(data, err) };
	_cleanup_json_ json_t *config = NULL, *findings = json_array();
	const json_t *one;
	size_t i;

	if (!compat.engine || image_resolve(compat.engine, operands[0], &compat.image, err) < 0)
		return 125;
	config = json_loads(compat.image.config ? compat.image.config : "{}", 0, NULL);
	compat.config = config;
	compat.findings = findings;
	(void)uname(&compat.host);
	package_view_today(compat.today);
	architecture_check(&compat);
	libc_check(&compat);
	labels_check(&compat);
	systemd_check(&compat);
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
		"Architecture and micro-level (x86-64-v2 and on) and the lowest kernel release are what the image's libc asks for in its notes; "
		"kernel modules, devices and a kernel release may be asked for by the labels org.cloche.requires.modules, .devices and .kernel, each a "
		"list parted by commas, which are reported and never acted on. Also told are systemd's demand for cgroup v2 and until when the "
		"image's distribution has security support. Ends with 1 when something does not fit; warnings do not count.",
	.opts = compat_opts,
	.args_size = sizeof(struct compat_args),
	.run = compat_run,
	.flags = COMMAND_INTERSPERSED,
};
