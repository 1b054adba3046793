/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/registry.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "image/document.h"
#include "transfer/token.h"

enum {
	REDIRECTS = 10,
};

struct registry {
	const struct registry_access *access;
	struct http *http;	/* with the client's certificate */
	struct http *elsewhere; /* for redirects and tokens at other servers */
	char *base;		/* "https://host" */
	bool greeted;		/* whether it speaks TLS is known, or not to be learned so */
	char *authorization, *scope;
};

/* One request on its way, over as many exchanges as it takes. */
struct passage {
	struct registry *registry;
	const struct registry_request *request;
	uint64_t received; /* of the body, from its start */
	uint64_t skip;	   /* of this exchange: bytes that we have */
	bool ranged;
};

void registry_access_clear(struct registry_access *access)
{
	free(access->host);
	free(access->user);
	if (access->password)
		explicit_bzero(access->password, strlen(access->password));
	free(access->password);
	free(access->identity_token);
	free(access->authorization);
	free(access->scope);
	free(access->ca_pem);
	free(access->socket);
	free(access->cert_pem);
	free(access->key_pem);
	*access = REGISTRY_ACCESS_EMPTY;
}

static void set_base(struct registry *registry, bool plain)
{
	free(registry->base);
	registry->base = str_printf("%s://%s", plain ? "http" : "https", registry->access->host);
}

int registry_open(struct registry **ret_registry, const struct registry_access *access,
		  struct err *err)
{
	struct registry *registry = mem_new(sizeof(*registry));
	struct http_options own = { .ca_pem = access->ca_pem,
				    .cert_pem = access->cert_pem,
				    .key_pem = access->key_pem,
				    .socket = access->socket,
				    .insecure = access->insecure,
				    .stall_s = access->stall_s };
	struct http_options others = { .ca_pem = access->ca_pem, .stall_s = access->stall_s };
	int r;

	registry->access = access;
	registry->authorization = str_dup(access->authorization);
	registry->scope = str_dup(access->scope);
	set_base(registry, access->plain);
	r = http_open(&registry->http, &own, err);
	if (r == 0)
		r = http_open(&registry->elsewhere, &others, err);
	if (r < 0) {
		registry_close(registry);
		return r;
	}
	*ret_registry = registry;
	return 0;
}

void registry_close(struct registry *registry)
{
	if (!registry)
		return;
	http_close(registry->http);
	http_close(registry->elsewhere);
	free(registry->base);
	free(registry->authorization);
	free(registry->scope);
	free(registry);
}

/* Where plain HTTP will do, it is tried out first, once. */
static void greet(struct registry *registry)
{
	_cleanup_free_ char *url = NULL;

	if (registry->greeted || registry_is_plain(registry) || !registry->access->loopback)
		return;
	registry->greeted = true;
	url = str_printf("http://%s/", registry->access->host);
	if (http_answers_plain(registry->http, url))
		set_base(registry, true);
}

bool registry_is_plain(const struct registry *registry)
{
	return str_prefix(registry->base, "http:");
}

const char *registry_authorization(const struct registry *registry)
{
	return registry->authorization;
}

/* -- bodies, in pieces ------------------------------------------------------------------------ */

static int on_head(void *data, const struct http_response *response, struct err *err)
{
	struct passage *p = data;
	const struct http_sink *sink = p->request->sink;
	unsigned long long from = 0;

	p->skip = 0;
	if (p->ranged && response->status == 206) {
		if (!response->content_range || !str_prefix(response->content_range, "bytes ") ||
		    (from = strtoull(response->content_range + strlen("bytes "), NULL, 10)) !=
			    p->received)
			return err_set(err, EPROTO, "it sends another part than it was asked for");
	} else if (p->ranged) {
		p->skip = p->received; /* it does not know ranges */
	}
	return sink->head ? sink->head(sink->data, response, err) : 0;
}

static int on_bytes(void *data, const void *bytes, size_t length, struct err *err)
{
	struct passage *p = data;
	const struct http_sink *sink = p->request->sink;
	const char *start = bytes;

	if (p->skip >= length) {
		p->skip -= length;
		return 0;
	}
	start += p->skip;
	length -= (size_t)p->skip;
	p->skip = 0;
	if (length > p->request->limit - p->received)
		return err_set(err, EFBIG, "it sends more than the %llu bytes that were agreed",
			       (unsigned long long)p->request->limit);
	p->received += length;
	return sink->write(sink->data, start, length, err);
}

/* -- where to, and as whom -------------------------------------------------------------------- */

static int check_redirect(const char *from, const char *to, bool insecure, struct err *err)
{
	_cleanup_free_ char *origin = http_origin(to);
	const char *authority = strstr(to, "://");

	if (!origin)
		return err_set(err, EPERM, "it sends us to \"%.200s\", which is no web address",
			       to);
	if (str_prefix(from, "https:") && !str_prefix(origin, "https:") && !insecure)
		return err_set(err, EPERM, "it sends us from https to \"%.200s\"", to);
	if (authority && memchr(authority + 3, '@', strcspn(authority + 3, "/?#")))
		return err_set(err, EPERM, "it sends us to an address with a password in it");
	return 0;
}

static bool redirects(const struct http_response *response)
{
	return response->redirect &&
	       (response->status == 301 || response->status == 302 || response->status == 303 ||
		response->status == 307 || response->status == 308);
}

/* The exchange, and those that its redirects lead to. Credentials stay with the registry's own origin. */
static int follow(struct passage *p, const char *url, char *const *headers,
		  struct http_response *response, struct err *err)
{
	struct registry *registry = p->registry;
	_cleanup_free_ char *own = http_origin(registry->base), *at = str_dup(url);
	const struct http_sink sink = { .head = on_head, .write = on_bytes, .data = p };
	bool reads = strcmp(p->request->method, "GET") == 0 ||
		     strcmp(p->request->method, "HEAD") == 0;

	if (!own)
		return err_set(err, EINVAL, "\"%.200s\" is no web address", registry->base);
	if (*p->request->path != '/' && /* the registry's own word of where to send an upload */
	    check_redirect(own, url, registry->access->insecure, err) < 0)
		return -err->code;
	for (int i = 0; i <= REDIRECTS; i++) {
		_cleanup_free_ char *origin = http_origin(at);
		_cleanup_strv_ char **sent = NULL;
		bool home = strcmp(origin, own) == 0;
		int r;

		for (size_t k = 0; headers && headers[k]; k++)
			strv_add(&sent, headers[k]);
		if (home && registry->authorization)
			strv_add_take(&sent,
				      str_printf("Authorization: %s", registry->authorization));
		http_response_clear(response);
		r = http_perform(home ? registry->http : registry->elsewhere,
				 &(struct http_request){ .method = p->request->method,
							 .url = at,
							 .headers = sent,
							 .sink = p->request->sink ? &sink : NULL,
							 .source = p->request->source,
							 .not_link_local = !home },
				 response, err);
		if (r < 0 || !reads || !redirects(response))
			return r;
		r = check_redirect(at, response->redirect, registry->access->insecure, err);
		if (r < 0)
			return r;
		free(at);
		at = str_dup(response->redirect);
	}
	return err_set(err, ELOOP, "it sends us on more than %d times", REDIRECTS);
}

/* Prefer tokens: a server that offers both wants them. */
static int choose(char *const *challenges, struct challenge *ret, struct err *err)
{
	struct challenge best = CHALLENGE_EMPTY;
	bool have = false;
	int r = err_set(err, EACCES, "it wants credentials, and does not say how");

	for (; challenges && *challenges; challenges++) {
		struct challenge one = CHALLENGE_EMPTY;

		err_clear(err);
		r = challenge_parse(*challenges, &one, err);
		if (r < 0)
			continue;
		if (have && one.kind != CHALLENGE_BEARER) {
			challenge_clear(&one);
			continue;
		}
		challenge_clear(&best);
		best = one;
		have = true;
	}
	if (!have)
		return r;
	err_clear(err);
	*ret = best;
	return 0;
}

static int authorize(struct registry *registry, const struct registry_request *request,
		     const struct http_response *response, struct err *err)
{
	_cleanup_(challenge_clear) struct challenge challenge = CHALLENGE_EMPTY;
	char *authorization = NULL;
	int r = choose(response->challenges, &challenge, err);

	if (r == 0 && challenge.kind == CHALLENGE_BASIC)
		r = token_basic(registry->access, &authorization, err);
	else if (r == 0)
		r = token_fetch(registry->access, registry->elsewhere, registry->base, &challenge,
				request->scope, &authorization, err);
	if (r < 0)
		return r;
	free(registry->authorization);
	free(registry->scope);
	registry->authorization = authorization;
	registry->scope = str_dup(request->scope);
	return 0;
}

/* -- one request ------------------------------------------------------------------------------ */

/* {"errors": [{"code": ..., "message": ...}]}, of the distribution-spec */
static char *error_words(const struct http_response *response)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *message = NULL, *code = NULL;
	const json_t *errors = NULL, *first;
	struct err ignored = ERR_NONE;

	if (!response->body.length ||
	    document_parse(response->body.data, response->body.length, "answer", &json, &ignored) <
		    0 ||
	    !json_is_object(json) || document_array(json, "errors", 1000, &errors, &ignored) < 0)
		return NULL;
	first = json_array_get(errors, 0);
	if (!json_is_object(first))
		return NULL;
	(void)document_string(first, "message", 400, &message, &ignored);
	(void)document_string(first, "code", 100, &code, &ignored);
	return message && *message ? ptr_take(&message) : ptr_take(&code);
}

static int refusal(const struct http_response *response, struct err *err)
{
	_cleanup_free_ char *words = error_words(response);
	const char *why = words ? words : "no reason given";

	switch (response->status) {
	case 401:
		return err_set(err, EACCES, "unauthorized: %s", why);
	case 403:
		return err_set(err, EACCES, "denied: %s", why);
	case 404:
		return err_set(err, ENOENT, "not found: %s", why);
	case 429:
		return err_set(err, EAGAIN, "too many requests: %s", why);
	default:
		return err_set(err, EIO, "status %ld: %s", response->status, why);
	}
}

static int exchange(struct passage *p, struct http_response *response, struct err *err)
{
	const struct registry_request *request = p->request;
	_cleanup_free_ char *url = *request->path == '/' ?
					   str_printf("%s%s", p->registry->base, request->path) :
					   str_dup(request->path);
	_cleanup_strv_ char **headers = strv_copy(request->headers);

	p->ranged = p->received > 0;
	if (p->ranged)
		strv_add_take(&headers,
			      str_printf("Range: bytes=%llu-", (unsigned long long)p->received));
	return follow(p, url, headers, response, err);
}

int registry_perform(struct registry *registry, const struct registry_request *request,
		     struct http_response *ret_response, struct err *err)
{
	struct passage p = { .registry = registry,
			     .request = request,
			     .received = request->offset };
	bool asked = false;

	*ret_response = HTTP_RESPONSE_EMPTY;
	if (registry->authorization && !str_equal(registry->scope, request->scope)) {
		free(registry->authorization); /* a token for something else */
		registry->authorization = NULL;
	}
	greet(registry);
	for (int attempt = 0;;) {
		uint64_t before = p.received;
		int r;

		err_clear(err);
		r = exchange(&p, ret_response, err);
		if (r < 0 && ret_response->tls_failed && !registry_is_plain(registry) &&
		    (registry->access->loopback || registry->access->insecure)) {
			set_base(registry, true);
			continue;
		}
		if (r == 0 && ret_response->status / 100 == 2)
			return 0;
		if (r == 0 && ret_response->status == 401 && !asked) {
			asked = true;
			r = authorize(registry, request, ret_response, err);
			if (r < 0)
				return r;
			continue;
		}
		if (p.received > before)
			attempt = 0; /* it goes on, if slowly */
		if (!http_worth_retry(ret_response, r) || request->source ||
		    ++attempt >= HTTP_ATTEMPTS)
			return r < 0 ? r : refusal(ret_response, err);
		r = http_wait_turn(ret_response, attempt - 1, err);
		if (r < 0)
			return r;
	}
}
