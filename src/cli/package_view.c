/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/package_view.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/image_view.h"
#include "engine/transfer.h"
#include "state/store.h"

enum { DATABASE_LIMIT_BYTES = 64 << 20, HOST_DISTRIBUTION_KNOWN = 1 << 8 };

static const struct {
	enum package_kind kind;
	const char *paths[6]; /* the first that is there, of the topmost layer that has one */
} databases[] = {
	{ PACKAGE_DPKG, { "var/lib/dpkg/status", NULL } },
	{ PACKAGE_APK, { "lib/apk/db/installed", "usr/lib/apk/db/installed", NULL } },
	{ PACKAGE_RPM,
	  { "usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite",
	    "usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages",
	    NULL } },
};

/* rpm's database through cloche-transfer; *ret_why_not when it refuses. */
static void rpm_read(struct engine *engine, int fd, struct buf *text, char **ret_why_not)
{
	static const char refused[] = "\nRefused: ";
	struct err err = ERR_NONE;
	char *at;

	if (transfer_run(engine, "packages", NULL, fd, text, &err) < 0) {
		*ret_why_not = str_printf("its rpm database was not read%s%s",
					  *err.words ? ": " : "", err.words);
		return;
	}
	at = text->data ? strstr(text->data, refused) : NULL;
	if (at) {
		at += strlen(refused);
		*ret_why_not = str_ndup(at, strcspn(at, "\n"));
	}
}

/* false: fd has no package of that kind; *ret_why_not may say why. */
static bool database_read(struct engine *engine, enum package_kind kind, int fd,
			  struct packages *ret, char **ret_why_not)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (kind == PACKAGE_RPM)
		rpm_read(engine, fd, &text, ret_why_not);
	else if (fd_read_all(fd, DATABASE_LIMIT_BYTES, &text) < 0)
		return false;
	buf_puts(&text, "");
	packages_parse(text.data, ret);
	ret->kind = kind;
	return ret->count > 0;
}

static int host_open(const char *const *paths)
{
	for (; *paths; paths++) {
		_cleanup_free_ char *path = str_printf("/%s", *paths);
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

		if (fd >= 0)
			return fd;
	}
	return -1;
}

static const struct packages *host_packages(struct engine *engine, struct package_host *host,
					    enum package_kind kind)
{
	struct packages *packages = &host->packages[kind];

	if (!(host->known & (1u << kind))) {
		_cleanup_close_ int fd = host_open(databases[kind].paths);
		_cleanup_free_ char *ignored = NULL; /* then there is nothing to compare with */

		if (fd >= 0)
			(void)database_read(engine, kind, fd, packages, &ignored);
		host->known |= 1u << kind;
	}
	return packages;
}

void package_view_distribution(struct engine *engine, const struct image_row *image,
			       struct distribution *ret)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (image) {
		image_view_text(engine, image, "etc/os-release", 65536, &text);
		if (text.length == 0)
			image_view_text(engine, image, "usr/lib/os-release", 65536, &text);
	} else if (file_read(AT_FDCWD, "/usr/lib/os-release", 65536, &text) < 0) {
		(void)file_read(AT_FDCWD, "/etc/os-release", 65536, &text);
	}
	distribution_parse(text.data, ret);
}

static void older_add(struct package_view *view, const struct package *theirs,
		      const struct package *own)
{
	bool exposed = package_is_exposed(theirs->name);
	json_t *one = json_object();

	json_put(one, "Name", json_text(theirs->name));
	json_put(one, "Version", json_text(theirs->version));
	json_put(one, "HostVersion", json_text(own->version));
	json_put(one, "Exposed", json_boolean(exposed));
	json_push(view->packages, one);
	view->older++;
	view->exposed += exposed;
}

static void compare(struct package_view *view, const struct packages *theirs,
		    const struct packages *own)
{
	for (size_t i = 0; i < theirs->count; i++) {
		const struct package *one = packages_find(own, theirs->list[i].name);

		if (!one)
			continue;
		view->common++;
		if (version_compare(theirs->kind, theirs->list[i].version, one->version) < 0)
			older_add(view, &theirs->list[i], one);
	}
}

void package_view_compare(struct engine *engine, const struct image_row *image,
			  struct package_host *host, struct package_view *ret)
{
	struct package_host own = PACKAGE_HOST_EMPTY;
	struct packages theirs = PACKAGES_EMPTY;
	struct package_host *h = host ? host : &own;

	if (!(h->known & HOST_DISTRIBUTION_KNOWN)) {
		package_view_distribution(engine, NULL, &h->distribution);
		h->known |= HOST_DISTRIBUTION_KNOWN;
	}
	ret->packages = json_array();
	package_view_distribution(engine, image, &ret->distribution);
	for (size_t i = 0; i < ARRAY_SIZE(databases) && theirs.count == 0 && !ret->why_not; i++) {
		_cleanup_close_ int fd = image_view_open(engine, image, databases[i].paths);

		if (fd < 0)
			continue;
		if (strcmp(ret->distribution.id, h->distribution.id) != 0)
			ret->why_not = str_dup("another distribution than the host's");
		else
			(void)database_read(engine, databases[i].kind, fd, &theirs, &ret->why_not);
	}
	if (theirs.count == 0 && !ret->why_not)
		ret->why_not = str_dup("no dpkg, apk or rpm database with packages in it");
	if (!ret->why_not)
		compare(ret, &theirs, host_packages(engine, h, theirs.kind));
	packages_clear(&theirs);
	package_host_clear(&own);
}

void package_view_clear(struct package_view *view)
{
	distribution_clear(&view->distribution);
	json_decref(view->packages);
	free(view->why_not);
	*view = PACKAGE_VIEW_EMPTY;
}

void package_host_clear(struct package_host *host)
{
	distribution_clear(&host->distribution);
	for (size_t i = 0; i < ARRAY_SIZE(host->packages); i++)
		packages_clear(&host->packages[i]);
	*host = PACKAGE_HOST_EMPTY;
}

void package_view_today(char *out)
{
	time_t now = time(NULL);
	struct tm tm;

	*out = '\0';
	if (gmtime_r(&now, &tm))
		(void)strftime(out, 16, "%Y-%m-%d", &tm);
}
