/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cgroup_owner.h"

#include <string.h>

#include "base/str.h"

static const char *const words[] = {
	[ENGINE_HOST] = "",
	[ENGINE_CLOCHE] = "cloche",
	[ENGINE_DOCKER] = "docker",
	[ENGINE_PODMAN] = "podman",
	[ENGINE_CONTAINERD] = "containerd",
	[ENGINE_KUBERNETES] = "kubernetes",
	[ENGINE_CRIO] = "cri-o",
	[ENGINE_LXC] = "lxc",
	[ENGINE_NSPAWN] = "nspawn",
	[ENGINE_OTHER] = "other",
};

const char *host_engine_word(enum host_engine engine)
{
	return words[engine];
}

int host_engine_find(const char *word)
{
	if (strcmp(word, "host") == 0)
		return ENGINE_HOST;
	for (size_t i = 1; i < ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i]) == 0)
			return (int)i;
	return -1;
}

struct word { /* a folder's name within a path */
	const char *text;
	size_t length;
};

static bool is(struct word word, const char *text)
{
	return strlen(text) == word.length && memcmp(word.text, text, word.length) == 0;
}

static bool begins(struct word word, const char *text)
{
	return strlen(text) <= word.length && memcmp(word.text, text, strlen(text)) == 0;
}

/* Without `prefix` and, when it is there, `suffix`. False: it does not begin so. */
static bool inner(struct word word, const char *prefix, const char *suffix, struct word *ret_inner)
{
	size_t head = strlen(prefix), tail = strlen(suffix);

	if (!begins(word, prefix))
		return false;
	word.text += head;
	word.length -= head;
	if (word.length > tail && memcmp(word.text + word.length - tail, suffix, tail) == 0)
		word.length -= tail;
	*ret_inner = word;
	return word.length > 0;
}

static bool hex(struct word word, size_t digits)
{
	if (word.length != digits)
		return false;
	for (size_t i = 0; i < digits; i++)
		if (!memchr("0123456789abcdef", word.text[i], 16))
			return false;
	return true;
}

static void set(char out[OWNER_TEXT], struct word word)
{
	size_t n = word.length < OWNER_TEXT - 1 ? word.length : OWNER_TEXT - 1;

	memcpy(out, word.text, n);
	out[n] = '\0';
}

/* systemd's escapes in unit names: \x2d (systemd.unit(5)). */
static void set_unescaped(char out[OWNER_TEXT], struct word word)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < word.length && n < OWNER_TEXT - 1; i++) {
		const char *high, *low;

		if (i + 3 < word.length && word.text[i] == '\\' && word.text[i + 1] == 'x' &&
		    (high = memchr(digits, word.text[i + 2], 16)) &&
		    (low = memchr(digits, word.text[i + 3], 16))) {
			out[n++] = (char)((high - digits) * 16 + (low - digits));
			i += 3;
		} else {
			out[n++] = word.text[i];
		}
	}
	out[n] = '\0';
}

/* What stands before a folder on its way from the top. */
struct way {
	struct word parent;
	bool kubernetes;
	struct word pod;
};

static bool take(struct cgroup_owner *owner, enum host_engine engine, const struct way *way,
		 struct word id)
{
	owner->engine = way->kubernetes ? ENGINE_KUBERNETES : engine;
	set(owner->id, id);
	if (way->kubernetes)
		set(owner->part, way->pod);
	return true;
}

/* "/cloche/web-1a2b3c4d5e6f", "/cloche-0a1b2c.slice/web-..." */
static bool cloche_match(struct word folder, const struct way *way, struct cgroup_owner *owner)
{
	struct word instance = way->parent, id = folder;

	if (!begins(instance, "cloche") || folder.length < 14 ||
	    folder.text[folder.length - 13] != '-')
		return false;
	instance.text += 6;
	instance.length -= 6;
	if (instance.length > 6 && (memcmp(instance.text + instance.length - 6, ".slice", 6) == 0 ||
				    memcmp(instance.text + instance.length - 6, ".scope", 6) == 0))
		instance.length -= 6;
	if (instance.length != 0 &&
	    (instance.text[0] != '-' ||
	     !hex((struct word){ instance.text + 1, instance.length - 1 }, 6)))
		return false;
	id = (struct word){ folder.text + folder.length - 12, 12 };
	if (!hex(id, 12))
		return false;
	owner->engine = ENGINE_CLOCHE;
	set(owner->part, instance);
	set(owner->id, id);
	set(owner->name, (struct word){ folder.text, folder.length - 13 });
	return true;
}

/* "cloche-web-1a2b3c4d5e6f.scope" of run --register */
static bool cloche_scope_match(struct word folder, struct cgroup_owner *owner)
{
	struct word both, id;

	if (!inner(folder, "cloche-", ".scope", &both) || folder.length == both.length + 7 ||
	    both.length < 14 || both.text[both.length - 13] != '-')
		return false;
	id = (struct word){ both.text + both.length - 12, 12 };
	if (!hex(id, 12))
		return false;
	owner->engine = ENGINE_CLOCHE;
	set(owner->id, id);
	set(owner->name, (struct word){ both.text, both.length - 13 });
	return true;
}

/* Scopes of the systemd driver, and folders of the cgroupfs driver that have the same beginning. */
static const struct {
	const char *prefix;
	enum host_engine engine;
} prefixes[] = {
	{ "docker-", ENGINE_DOCKER },
	{ "libpod-", ENGINE_PODMAN },
	{ "cri-containerd-", ENGINE_CONTAINERD },
	{ "crio-", ENGINE_CRIO },
	{ "nerdctl-", ENGINE_CONTAINERD },
};

static bool folder_match(struct word folder, const struct way *way, struct cgroup_owner *owner)
{
	struct word id;
	const char *colon;

	if (cloche_match(folder, way, owner) || cloche_scope_match(folder, owner))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (inner(folder, prefixes[i].prefix, ".scope", &id) && hex(id, 64))
			return take(owner, prefixes[i].engine, way, id);
	/* containerd without systemd, told a systemd path: "kubepods-pod1.slice:cri-containerd:ID" */
	colon = memrchr(folder.text, ':', folder.length);
	if (colon) {
		id = (struct word){ colon + 1, (size_t)(folder.text + folder.length - colon - 1) };
		if (hex(id, 64))
			return take(owner, ENGINE_CONTAINERD, way, id);
	}
	if (hex(folder, 64) && way->parent.length) {
		if (is(way->parent, "docker"))
			return take(owner, ENGINE_DOCKER, way, folder);
		if (!way->kubernetes)
			set(owner->part, way->parent);
		return take(owner, ENGINE_CONTAINERD, way, folder);
	}
	if (inner(folder, "lxc.payload.", "", &id) ||
	    ((is(way->parent, "lxc.payload") || is(way->parent, "lxc")) && (id = folder, true))) {
		owner->engine = ENGINE_LXC;
		set(owner->name, id);
		return true;
	}
	if ((is(way->parent, "machine.slice") && inner(folder, "machine-", ".scope", &id) &&
	     !begins(id, "qemu")) ||
	    inner(folder, "systemd-nspawn@", ".service", &id)) {
		owner->engine = ENGINE_NSPAWN;
		set_unescaped(owner->name, id);
		return true;
	}
	return false;
}

/* The pod's uid in "podUID", "kubepods-burstable-podUID.slice". */
static void pod_note(struct word folder, struct way *way)
{
	const char *pod = memmem(folder.text, folder.length, "pod", 3), *slice;

	if (begins(folder, "kubepods")) {
		way->kubernetes = true;
		pod = memmem(folder.text, folder.length, "-pod", 4);
		pod = pod ? pod + 1 : NULL;
	}
	if (!way->kubernetes || !pod)
		return;
	way->pod.text = pod + 3;
	way->pod.length = (size_t)(folder.text + folder.length - pod - 3);
	slice = memmem(way->pod.text, way->pod.length, ".slice", 6);
	if (slice)
		way->pod.length = (size_t)(slice - way->pod.text);
}

static bool path_match(const char *path, size_t length, struct cgroup_owner *owner)
{
	const char *end = path + length;
	struct way way = { .parent = { "", 0 }, .pod = { "", 0 } };

	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		struct word folder = { path, (size_t)((slash ? slash : end) - path) };

		if (folder.length > 0) {
			pod_note(folder, &way);
			if (folder_match(folder, &way, owner))
				return true;
			way.parent = folder;
		}
		if (!slash)
			break;
		path = slash + 1;
	}
	return false;
}

bool cgroup_owner_parse(const char *text, struct cgroup_owner *ret_owner)
{
	struct cgroup_owner owner = { .engine = ENGINE_HOST };

	/* "4:memory:/docker/ID", "0::/...": cgroups(7) */
	while (*text) {
		size_t length = strcspn(text, "\n");
		const char *path = memchr(text, ':', length);

		path = path ? memchr(path + 1, ':', length - (size_t)(path + 1 - text)) : NULL;
		if (path && path_match(path + 1, length - (size_t)(path + 1 - text), &owner)) {
			*ret_owner = owner;
			return true;
		}
		text += length + (text[length] == '\n');
	}
	return false;
}
