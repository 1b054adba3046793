/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libcurl, loaded by the process that speaks to a server, and by no other: with what it needs (GnuTLS, Kerberos, LDAP, ...) it
 * is thirty libraries and 5 ms, which every load, save, commit and cp would pay, and each worker's fork with them. The names
 * are libcurl's own without the prefix.
 *
 *	r = curl_library_load(err);
 *	libcurl()->easy_init();
 */
#ifndef CLOCHE_TRANSFER_CURL_LIBRARY_H
#define CLOCHE_TRANSFER_CURL_LIBRARY_H

#include <curl/curl.h>

struct err;

struct curl_library {
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_reset) *easy_reset;
	__typeof__(curl_easy_setopt) *easy_setopt;
	__typeof__(curl_easy_getinfo) *easy_getinfo;
	__typeof__(curl_easy_header) *easy_header;
	__typeof__(curl_easy_perform) *easy_perform;
	__typeof__(curl_easy_recv) *easy_recv;
	__typeof__(curl_easy_send) *easy_send;
	__typeof__(curl_easy_strerror) *easy_strerror;
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
	__typeof__(curl_url) *url;
	__typeof__(curl_url_cleanup) *url_cleanup;
	__typeof__(curl_url_get) *url_get;
	__typeof__(curl_url_set) *url_set;
	__typeof__(curl_free) *free;
};

/* It stays until the process ends. Only the first call does something; not for several threads at once. -ENOENT: it is not
 * installed. -ENOSYS: it is too old. */
int curl_library_load(struct err *err);

/* After curl_library_load. */
const struct curl_library *libcurl(void);

#endif
