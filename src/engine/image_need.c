/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image_need.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/image_view.h"
#include "image/architecture.h"
#include "image/elf_need.h"
#include "runtime/cgroup.h"
#include "state/store.h"

enum {
	LIST_MOST = 64,		/* words of a label */
	SYSTEMD_V2_FIRST = 226, /* knows cgroup v2; its NEWS */
	SYSTEMD_V1_LAST = 255,	/* 256 starts on v1 only when forced to, 258 not at all; its NEWS */
};

/* Every host that we run on has Linux 6.1 and an x86-64. */
static const unsigned int kernel_least[3] = { 6, 1, 0 };

const char *const image_need_libraries[] = {
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
	"usr/lib/ld-musl-aarch64.so.1",
	NULL,
};

/* -- the image's part ------------------------------------------------------------------------- */

static void libc_needs(struct engine *engine, const struct image_row *row, json_t *needs)
{
	_cleanup_close_ int fd = image_view_open(engine, row, image_need_libraries);
	struct elf_need need;

	if (fd < 0)
		return;
	elf_need_read(fd, &need);
	json_put(needs, "Libc", json_true());
	if (need.kernel[0]) {
		_cleanup_free_ char *text =
			str_printf("%u.%u.%u", need.kernel[0], need.kernel[1], need.kernel[2]);

		json_put(needs, "Kernel", json_text(text));
	}
	if (need.level)
		json_put(needs, "Level", json_integer(need.level));
}

/* libsystemd-shared-252.so, -252.39-1.so: the number; 0: another file. */
static unsigned int systemd_of_name(const char *name)
{
	static const char start[] = "libsystemd-shared-";
	unsigned int version = 0;

	if (str_prefix(name, start))
		(void)sscanf(name + strlen(start), "%u", &version);
	return version;
}

static unsigned int systemd_in_folder(int layer, const char *path)
{
	struct err ignored = ERR_NONE;
	int fd = root_open(layer, path, O_RDONLY | O_DIRECTORY, &ignored);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned int version = 0;
	const struct dirent *e;

	if (!d) {
		fd_close(fd);
		return 0;
	}
	while (!version && (e = readdir(d)) != NULL)
		version = systemd_of_name(e->d_name);
	(void)closedir(d);
	return version;
}

/* systemd's own library bears its version in every distribution; a client's library alone is something else. */
static void systemd_needs(struct engine *engine, const struct image_row *row, json_t *needs)
{
	static const char *const folders[] = { "usr/lib/systemd", "lib/systemd",
					       "usr/lib/x86_64-linux-gnu/systemd",
					       "usr/lib/aarch64-linux-gnu/systemd",
					       "usr/lib64/systemd" };
	static const char *const programs[] = { "usr/lib/systemd/systemd", "lib/systemd/systemd",
						NULL };
	_cleanup_close_ int program = image_view_open(engine, row, programs);
	unsigned int version = 0;

	if (program < 0)
		return;
	for (size_t i = strv_length(row->layers); !version && i-- > 0;) {
		_cleanup_close_ int layer = image_view_layer(engine, row->layers[i]);

		for (size_t k = 0; layer >= 0 && !version && k < ARRAY_SIZE(folders); k++)
			version = systemd_in_folder(layer, folders[k]);
	}
	if (version)
		json_put(needs, "Systemd", json_integer(version));
}

static const char word_characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+:/";

/* "a, b" of a label; words that could be no module or device are left out. */
static void list_needs(const json_t *labels, const char *label, const char *key, json_t *needs)
{
	const char *text = json_string_value(json_object_get(labels, label));
	_cleanup_strv_ char **words = text ? strv_split(text, ',') : NULL;
	json_t *list = json_array();

	for (size_t i = 0; words && words[i] && i < LIST_MOST; i++) {
		char *word = words[i] + strspn(words[i], " ");

		word[strcspn(word, " ")] = '\0';
		if (*word && strlen(word) < 128 && !strstr(word, "..") &&
		    strspn(word, word_characters) == strlen(word) &&
		    (strcmp(key, "Devices") == 0 ? str_prefix(word, "/dev/") :
						   strchr(word, '/') == NULL))
			json_push(list, json_text(word));
	}
	if (json_array_size(list))
		json_put(needs, key, list);
	else
		json_decref(list);
}

static void label_needs(const struct image_row *row, json_t *needs)
{
	_cleanup_json_ json_t *config = json_loads(row->config ? row->config : "", 0, NULL);
	const json_t *labels = json_at(config, "config.Labels");
	const char *kernel =
		json_string_value(json_object_get(labels, "org.cloche.requires.kernel"));

	if (kernel && *kernel && strlen(kernel) < 64 &&
	    strspn(kernel, word_characters) == strlen(kernel))
		json_put(needs, "LabelKernel", json_text(kernel));
	list_needs(labels, "org.cloche.requires.modules", "Modules", needs);
	list_needs(labels, "org.cloche.requires.devices", "Devices", needs);
}

char *image_need_of(struct engine *engine, const struct image_row *row)
{
	_cleanup_json_ json_t *needs = json_object();

	libc_needs(engine, row, needs);
	systemd_needs(engine, row, needs);
	label_needs(row, needs);
	return json_dumps(needs, JSON_COMPACT);
}

static void release_parse(const char *text, unsigned int out[3])
{
	memset(out, 0, 3 * sizeof(out[0]));
	(void)sscanf(text, "%u.%u.%u", &out[0], &out[1], &out[2]);
}

static int release_compare(const unsigned int a[3], const unsigned int b[3])
{
	for (int i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static bool kernel_everywhere(const json_t *needs, const char *key)
{
	unsigned int wanted[3];

	release_parse(json_string_at(needs, key, ""), wanted);
	return release_compare(wanted, kernel_least) <= 0;
}

json_t *image_need_rare(const char *needs, const char *architecture)
{
	json_t *rare = needs ? json_loads(needs, 0, NULL) : json_object();
	int64_t systemd = json_int_at(rare, "Systemd", SYSTEMD_V2_FIRST);

	if (!rare)
		return NULL;
	if (architecture && strlen(architecture) < 32 &&
	    strspn(architecture, word_characters) == strlen(architecture) && *architecture &&
	    !architecture_runs(architecture))
		json_put(rare, "Architecture", json_text(architecture));
	(void)json_object_del(rare, "Libc");
	if (kernel_everywhere(rare, "Kernel"))
		(void)json_object_del(rare, "Kernel");
	if (kernel_everywhere(rare, "LabelKernel"))
		(void)json_object_del(rare, "LabelKernel");
	if (json_int_at(rare, "Level", 0) <= 1)
		(void)json_object_del(rare, "Level");
	if (systemd >= SYSTEMD_V2_FIRST && systemd <= SYSTEMD_V1_LAST)
		(void)json_object_del(rare, "Systemd");
	if (json_object_size(rare) == 0) {
		json_decref(rare);
		return NULL;
	}
	return rare;
}

/* -- the host's part -------------------------------------------------------------------------- */

struct check {
	need_report *report;
	void *data;
	struct utsname host;
};

static void say(const struct check *check, bool met, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void say(const struct check *check, bool met, const char *what, const char *fmt, ...)
{
	char words[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	check->report(check->data, met ? NEED_MET : NEED_NOT_MET, what, words);
}

static void kernel_check(const struct check *check, const char *wanted_text, const char *who)
{
	unsigned int wanted[3], own[3];

	if (!*wanted_text)
		return;
	release_parse(wanted_text, wanted);
	release_parse(check->host.release, own);
	say(check, release_compare(own, wanted) >= 0, "kernel",
	    "the image's %s asks for Linux %s, this host has %s", who, wanted_text,
	    check->host.release);
}

static void level_check(const struct check *check, int64_t wanted)
{
	_cleanup_(buf_clear) struct buf cpu = BUF_EMPTY;
	unsigned int own;

	if (wanted <= 0 || file_read(AT_FDCWD, "/proc/cpuinfo", 8 << 20, &cpu) < 0)
		return;
	own = elf_level_of_flags(cpu.data);
	if (own)
		say(check, wanted <= own, "processor",
		    "the image's libc asks for x86-64-v%lld, this processor is v%u",
		    (long long)wanted, own);
}

static void systemd_check(const struct check *check, struct engine *engine, int64_t version)
{
	struct err ignored = ERR_NONE;
	const struct cgroup *cgroup = version > 0 ? engine_cgroup(engine, &ignored) : NULL;
	bool v2 = cgroup && cgroup_mode(cgroup) == CGROUP_V2;

	if (!cgroup)
		return;
	if (v2 && version < SYSTEMD_V2_FIRST)
		say(check, false, "systemd",
		    "%lld knows cgroup v1 alone, this host has v2; other programs of the image do not mind",
		    (long long)version);
	else if (!v2 && version > SYSTEMD_V1_LAST)
		say(check, false, "systemd",
		    "%lld wants cgroup v2, this host has v1; other programs of the image do not mind",
		    (long long)version);
	else
		say(check, true, "systemd", "%lld runs with this host's cgroups",
		    (long long)version);
}

static bool module_there(const struct check *check, const char *name)
{
	static const char *const lists[] = { "modules.builtin", "modules.dep" };
	_cleanup_free_ char *file = str_dup(name), *loaded = NULL;

	for (char *p = file; *p; p++)
		if (*p == '-')
			*p = '_';
	loaded = str_printf("/sys/module/%s", file);
	if (access(loaded, F_OK) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_free_ char *path =
			str_printf("/lib/modules/%s/%s", check->host.release, lists[i]);
		_cleanup_free_ char *one = str_printf("/%s.ko", name),
				    *two = str_printf("/%s.ko", file);
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

		if (file_read(AT_FDCWD, path, 16 << 20, &text) == 0 &&
		    (strstr(text.data, one) || strstr(text.data, two)))
			return true;
	}
	return false;
}

static void modules_check(const struct check *check, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *name = json_string_value(one);
		bool there = name && module_there(check, name);

		if (there)
			say(check, true, "module", "%s is here", name);
		else if (name)
			say(check, false, "module", "%s is neither loaded nor in /lib/modules/%s",
			    name, check->host.release);
	}
}

static void devices_check(const struct check *check, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *path = json_string_value(one);

		if (path && access(path, F_OK) == 0)
			say(check, true, "device", "%s is here; pass it with --device", path);
		else if (path)
			say(check, false, "device", "%s is not on this host", path);
	}
}

void image_need_check(struct engine *engine, const json_t *needs, need_report *report, void *data)
{
	const char *architecture = json_string_at(needs, "Architecture", "");
	struct check check = { .report = report, .data = data };

	(void)uname(&check.host);
	if (*architecture && !architecture_runs(architecture))
		say(&check, false, "architecture", "the image is for %s, this host is %s",
		    architecture, architecture_here());
	kernel_check(&check, json_string_at(needs, "Kernel", ""), "libc");
	kernel_check(&check, json_string_at(needs, "LabelKernel", ""), "label");
	level_check(&check, json_int_at(needs, "Level", 0));
	modules_check(&check, json_object_get(needs, "Modules"));
	devices_check(&check, json_object_get(needs, "Devices"));
	systemd_check(&check, engine, json_int_at(needs, "Systemd", 0));
}

static void warn(void *data, enum need_verdict verdict, const char *what, const char *words)
{
	if (verdict == NEED_NOT_MET)
		strv_add_take(data, str_printf("the image may not work here: %s: %s", what, words));
}

void image_need_warn(struct engine *engine, const json_t *needs, bool init, char ***warnings)
{
	_cleanup_json_ json_t *asked = json_copy((json_t *)needs);

	if (!init)
		(void)json_object_del(asked, "Systemd");
	image_need_check(engine, asked, warn, warnings);
}
