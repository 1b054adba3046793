/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/document.h"
#include "image/sha256.h"
#include "transfer/registries_conf.h"
#include "transfer/registry_access.h"

enum { PAGES_MAX = 1000, LIST_MAX = 100000, ANSWER_MAX = 65536 };

const char remote_accept_manifests[] =
	"Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
	"application/vnd.docker.distribution.manifest.list.v2+json, "
	"application/vnd.docker.distribution.manifest.v2+json";

static int find_place(const char *domain, const char *path, struct remote *remote,
		      bool *ret_insecure, struct err *err)
{
	_cleanup_(registries_clear) struct registries registries = REGISTRIES_EMPTY;
	_cleanup_(route_clear) struct route route = ROUTE_EMPTY;
	struct route_stop *last;
	int r = registries_read(&registries, err);

	if (r == 0)
		r = registries_route(&registries, domain, path ? path : "-", false, &route, err);
	if (r < 0)
		return r;
	last = &route.stops[route.count - 1];
	remote->domain = ptr_take(&last->domain);
	remote->path = path ? ptr_take(&last->path) : NULL;
	*ret_insecure = last->insecure;
	return 0;
}

int remote_open(const char *domain, const char *path, const char *actions, char *const *insecure,
		struct remote *ret_remote, struct err *err)
{
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	bool any_certificate = false;
	int r = find_place(domain, path, &remote, &any_certificate, err);

	if (r < 0)
		return r;
	remote.scope = path ? str_printf("repository:%s:%s", remote.path, actions) :
			      str_dup("registry:catalog:*");
	r = registry_access_find(remote.domain, path ? remote.path : "", insecure, &remote.access,
				 err);
	remote.access.insecure |= any_certificate;
	if (r == 0)
		r = fetcher_start(&remote.access, &remote.fetcher, err);
	if (r < 0)
		return r;
	*ret_remote = remote;
	remote = REMOTE_NONE;
	return 0;
}

void remote_close(struct remote *remote)
{
	fetcher_stop(&remote->fetcher);
	registry_access_clear(&remote->access);
	free(remote->domain);
	free(remote->path);
	free(remote->scope);
	*remote = REMOTE_NONE;
}

static int collect(void *data, const void *bytes, size_t length, struct err *err)
{
	(void)err; /* the limit was checked by who fetches */
	buf_add(data, bytes, length);
	return 0;
}

int remote_ask(struct remote *remote, const char *method, const char *path, const char *accept,
	       uint64_t limit, struct buf *ret_body, struct fetch_answer *ret_answer,
	       struct err *err)
{
	char *const headers[] = {
		(char *)(uintptr_t)(strcmp(method, "POST") == 0 ? "Content-Length: 0" : accept),
		NULL
	};
	_cleanup_(buf_clear) struct buf nobody = BUF_EMPTY;
	struct buf *body = ret_body ? ret_body : &nobody;
	int r = fetcher_ask(&remote->fetcher,
			    &(struct fetch_request){ .method = method,
						     .path = path,
						     .scope = remote->scope,
						     .headers = headers[0] ? headers : NULL,
						     .limit = limit,
						     .write = collect,
						     .data = body,
						     .source = -1 },
			    ret_answer, err);

	if (r == 0 && body->length > limit)
		return err_set(err, EFBIG, "it has more than %llu bytes",
			       (unsigned long long)limit);
	return r;
}

int remote_put(struct remote *remote, const char *path, const char *type, const void *bytes,
	       size_t length, struct fetch_answer *ret_answer, struct err *err)
{
	_cleanup_free_ char *header = str_printf("Content-Type: %s", type);
	_cleanup_(buf_clear) struct buf ignored = BUF_EMPTY;
	_cleanup_close_ int file = memfd_create("document", MFD_CLOEXEC);
	char *const headers[] = { header, NULL };
	int r = file < 0 ? -errno : fd_write_all(file, bytes, length);

	if (r < 0)
		return err_sys(err, r, "keep a document in memory");
	return fetcher_ask(&remote->fetcher,
			   &(struct fetch_request){ .method = "PUT",
						    .path = path,
						    .scope = remote->scope,
						    .headers = headers,
						    .limit = ANSWER_MAX,
						    .write = collect,
						    .data = &ignored,
						    .source = file,
						    .source_length = length },
			   ret_answer, err);
}

int remote_manifest(struct remote *remote, const char *tag_or_digest, struct buf *ret_body,
		    char **ret_type, char *ret_digest, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_free_ char *path = str_printf("/v2/%s/manifests/%s", remote->path, tag_or_digest);
	int r = remote_ask(remote, "GET", path, remote_accept_manifests, DOCUMENT_SIZE, ret_body,
			   &answer, err);
	const char *wanted;

	if (r < 0)
		return r;
	sha256_of(ret_body->data ? ret_body->data : "", ret_body->length, ret_digest);
	wanted = strchr(tag_or_digest, ':') ? tag_or_digest : answer.digest;
	if (wanted && str_prefix(wanted, "sha256:") && strcmp(wanted, ret_digest) != 0)
		return err_set(err, EBADMSG,
			       "the manifest is not what its digest names (%s): damaged or forged",
			       ret_digest);
	if (answer.content_type)
		answer.content_type[strcspn(answer.content_type, "; \t")] = '\0';
	*ret_type = ptr_take(&answer.content_type);
	return 0;
}

/* The path of `Link: </v2/...?last=x>; rel="next"`, on the same server; NULL: there is no next page. */
static char *next_page(const char *link)
{
	const char *at = link ? strchr(link, '<') : NULL, *end = at ? strchr(at, '>') : NULL;

	if (!end || !strstr(end, "next"))
		return NULL;
	at++;
	if (str_prefix(at, "https://") || str_prefix(at, "http://")) {
		at = strchr(strstr(at, "://") + 3, '/');
		if (!at || at > end)
			return NULL;
	}
	return *at == '/' ? str_ndup(at, (size_t)(end - at)) : NULL;
}

static int list_pages(struct remote *remote, const char *first, const char *key, char ***ret_list,
		      struct err *err)
{
	_cleanup_free_ char *path = str_dup(first);
	_cleanup_strv_ char **all = NULL;

	for (int page = 0; path; page++) {
		_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
		_cleanup_(buf_clear) struct buf body = BUF_EMPTY;
		_cleanup_json_ json_t *json = NULL;
		_cleanup_strv_ char **some = NULL;
		int r = page < PAGES_MAX ? remote_ask(remote, "GET", path, NULL, DOCUMENT_SIZE,
						      &body, &answer, err) :
					   err_set(err, EFBIG, "its list does not end");

		if (r == 0)
			r = document_parse(body.data ? body.data : "", body.length, "list", &json,
					   err);
		if (r == 0)
			r = document_strv(json, key, LIST_MAX, &some, err);
		if (r < 0)
			return r;
		for (size_t i = 0; some && some[i]; i++)
			strv_add(&all, some[i]);
		if (strv_length(all) > LIST_MAX)
			return err_set(err, EFBIG, "its list has more than %d names", LIST_MAX);
		free(path);
		path = next_page(answer.link);
	}
	*ret_list = ptr_take(&all);
	return 0;
}

int remote_tags(struct remote *remote, char ***ret_tags, struct err *err)
{
	_cleanup_free_ char *path = str_printf("/v2/%s/tags/list?n=1000", remote->path);

	return list_pages(remote, path, "tags", ret_tags, err);
}

int remote_catalog(struct remote *remote, char ***ret_repositories, struct err *err)
{
	return list_pages(remote, "/v2/_catalog?n=1000", "repositories", ret_repositories, err);
}
