/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/curl_library.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* As the loader keeps its tables: one for the process. */
static struct {
	bool loaded;
	struct curl_library table;
} library;

int curl_library_load(struct err *err)
{
	struct curl_library *t = &library.table;
	const struct {
		const char *name;
		void **place;
	} wanted[] = {
		/* dlsym's void * is a function here by POSIX */
		{ "curl_global_init", (void **)&t->global_init },
		{ "curl_easy_init", (void **)&t->easy_init },
		{ "curl_easy_cleanup", (void **)&t->easy_cleanup },
		{ "curl_easy_reset", (void **)&t->easy_reset },
		{ "curl_easy_setopt", (void **)&t->easy_setopt },
		{ "curl_easy_getinfo", (void **)&t->easy_getinfo },
		{ "curl_easy_header", (void **)&t->easy_header },
		{ "curl_easy_perform", (void **)&t->easy_perform },
		{ "curl_easy_recv", (void **)&t->easy_recv },
		{ "curl_easy_send", (void **)&t->easy_send },
		{ "curl_easy_strerror", (void **)&t->easy_strerror },
		{ "curl_slist_append", (void **)&t->slist_append },
		{ "curl_slist_free_all", (void **)&t->slist_free_all },
		{ "curl_url", (void **)&t->url },
		{ "curl_url_cleanup", (void **)&t->url_cleanup },
		{ "curl_url_get", (void **)&t->url_get },
		{ "curl_url_set", (void **)&t->url_set },
		{ "curl_free", (void **)&t->free },
	};
	void *handle;

	if (library.loaded)
		return 0;
	handle = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
	if (!handle) {
		err_set(err, ENOENT, "load libcurl: %s", dlerror());
		return err_hint(err, "install it (libcurl4)");
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		*wanted[i].place = dlsym(handle, wanted[i].name);
		if (!*wanted[i].place)
			return err_set(err, ENOSYS, "libcurl has no %s", wanted[i].name);
	}
	library.loaded = true;
	return 0;
}

const struct curl_library *libcurl(void)
{
	assert(library.loaded);
	return &library.table;
}
