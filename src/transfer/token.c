/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/token.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/document.h"
#include "transfer/base64.h"
#include "transfer/http.h"
#include "transfer/registry.h"

enum { TOKEN_MAX = 64 * 1024 };

int token_basic(const struct registry_access *access, char **ret_authorization, struct err *err)
{
	_cleanup_free_ char *pair = NULL, *encoded = NULL;

	if (!access->user || !access->password) {
		err_set(err, EACCES, "no basic auth credentials");
		return err_hint(err, "cloche login %s", access->host);
	}
	pair = str_printf("%s:%s", access->user, access->password);
	encoded = base64_encode(pair, strlen(pair));
	explicit_bzero(pair, strlen(pair));
	*ret_authorization = str_printf("Basic %s", encoded);
	return 0;
}

/* -- who may see credentials ------------------------------------------------------------------ */

static bool is_below(const char *host, const char *domain)
{
	size_t h = strlen(host), d = strlen(domain);

	if (h == d)
		return strcasecmp(host, domain) == 0;
	return h > d && host[h - d - 1] == '.' && strcasecmp(host + h - d, domain) == 0;
}

/* "co.uk", "com.au": where anyone may have a name */
static bool looks_public(const char *domain)
{
	const char *dot = strchr(domain, '.');

	return !dot || (!strchr(dot + 1, '.') && strlen(dot + 1) == 2 && dot - domain <= 3);
}

int token_host_allowed(const char *registry_host, const char *host)
{
	const char *dot = strchr(registry_host, '.');

	if (is_below(host, registry_host))
		return 1;
	if (strspn(registry_host, "0123456789.:[]abcdefABCDEF") == strlen(registry_host) &&
	    isdigit((unsigned char)registry_host[strlen(registry_host) - 1]))
		return 0; /* an address has no domain */
	return dot && !looks_public(dot + 1) && is_below(host, dot + 1);
}

/* "host" of "https://host:port" */
static char *host_of(const char *origin)
{
	const char *start = strstr(origin, "://");
	const char *end;

	start = start ? start + 3 : origin;
	end = strrchr(start, ':');
	return str_ndup(start, end ? (size_t)(end - start) : strlen(start));
}

static int check_realm(const struct registry_access *access, const char *base, const char *realm,
		       bool *ret_credentials, bool *ret_at_home, struct err *err)
{
	_cleanup_free_ char *origin = http_origin(realm), *own = http_origin(base), *host = NULL,
			    *own_host = NULL;
	bool have = (access->user && access->password) || access->identity_token;

	if (!origin || !own)
		return err_set(err, EPERM, "its token server \"%.200s\" is no web address", realm);
	host = host_of(origin);
	own_host = host_of(own);
	if (!str_prefix(origin, "https:") && !str_prefix(own, "http:"))
		return err_set(err, EPERM, "its token server \"%.200s\" is not asked over https",
			       realm);
	if (have && !token_host_allowed(own_host, host))
		return err_set(err, EPERM,
			       "it wants its credentials sent to %.200s, another domain: not done",
			       host);
	*ret_credentials = have;
	*ret_at_home = strcasecmp(own_host, host) == 0;
	return 0;
}

/* -- asking ----------------------------------------------------------------------------------- */

static void add_parameter(struct buf *query, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(query, "%s%s=", query->length ? "&" : "", name);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (isalnum(c) || strchr("-._~", c))
			buf_printf(query, "%c", c);
		else
			buf_printf(query, "%%%02X", c);
	}
}

static int collect(void *data, const void *bytes, size_t length, struct err *err)
{
	struct buf *buf = data;

	if (buf->length + length > 2 * TOKEN_MAX)
		return err_set(err, EFBIG, "its token is too long");
	buf_add(buf, bytes, length);
	return 0;
}

struct form {
	const char *data;
	size_t length;
};

static long form_read(void *data, void *bytes, size_t size, struct err *err)
{
	struct form *form = data;
	size_t n = form->length < size ? form->length : size;

	(void)err;
	memcpy(bytes, form->data, n);
	form->data += n;
	form->length -= n;
	return (long)n;
}

static int read_token(const struct buf *answer, char **ret_authorization, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *token = NULL;
	int r = document_parse(answer->data ? answer->data : "", answer->length, "token", &json,
			       err);

	if (r == 0)
		r = document_string(json, "token", TOKEN_MAX, &token, err);
	if (r == 0 && !token)
		r = document_string(json, "access_token", TOKEN_MAX, &token, err);
	if (r < 0)
		return r;
	for (const char *c = token; c && *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return err_set(err, EBADMSG, "its token has odd characters");
	if (!token || !*token)
		return err_set(err, EBADMSG, "the token server gave no token");
	*ret_authorization = str_printf("Bearer %s", token);
	return 0;
}

/* What is to be asked, and of whom. */
struct question {
	struct http *http;
	const char *url;
	const struct buf *form; /* empty: GET */
	char *const *headers;
	bool at_home; /* on the registry's own host */
};

static int ask_once(const struct question *q, struct http_response *response, struct buf *answer,
		    struct err *err)
{
	bool post = q->form->length > 0;
	struct form form = { .data = q->form->data, .length = q->form->length };
	const struct http_source source = { .read = form_read,
					    .data = &form,
					    .length = form.length };
	const struct http_sink sink = { .write = collect, .data = answer };

	answer->length = 0;
	return http_perform(q->http,
			    &(struct http_request){ .method = post ? "POST" : "GET",
						    .url = q->url,
						    .headers = q->headers,
						    .sink = &sink,
						    .source = post ? &source : NULL,
						    .not_link_local = !q->at_home },
			    response, err);
}

static int ask(const struct question *q, struct buf *answer, struct err *err)
{
	_cleanup_(http_response_clear) struct http_response response = HTTP_RESPONSE_EMPTY;
	int r;

	for (int attempt = 0;;) {
		http_response_clear(&response);
		err_clear(err);
		r = ask_once(q, &response, answer, err);
		if (!http_worth_retry(&response, r) || ++attempt >= HTTP_ATTEMPTS)
			break;
		r = http_wait_turn(&response, attempt - 1, err);
		if (r < 0)
			break;
	}
	if (r < 0)
		return err_wrap(err, "token server");
	if (response.status == 401 || response.status == 403)
		return err_set(err, EACCES, "unauthorized: incorrect username or password");
	if (response.status / 100 != 2)
		return err_set(err, EIO, "the token server answers with status %ld",
			       response.status);
	return 0;
}

int token_fetch(const struct registry_access *access, struct http *http, const char *base,
		const struct challenge *challenge, const char *scope, char **ret_authorization,
		struct err *err)
{
	_cleanup_(buf_clear) struct buf query = BUF_EMPTY, none = BUF_EMPTY, answer = BUF_EMPTY;
	_cleanup_free_ char *url = NULL, *basic = NULL;
	_cleanup_strv_ char **headers = NULL;
	struct question q = { .http = http, .url = challenge->realm, .form = &none };
	bool credentials = false, exchanges;
	int r = check_realm(access, base, challenge->realm, &credentials, &q.at_home, err);

	if (r < 0)
		return r;
	exchanges = credentials && access->identity_token;
	if (exchanges) {
		add_parameter(&query, "grant_type", "refresh_token");
		add_parameter(&query, "client_id", "cloche");
		add_parameter(&query, "refresh_token", access->identity_token);
	} else if (credentials) {
		add_parameter(&query, "account", access->user);
		r = token_basic(access, &basic, err);
	}
	if (r < 0)
		return r;
	add_parameter(&query, "service", challenge->service);
	add_parameter(&query, "scope", scope ? scope : challenge->scope);
	if (exchanges) {
		q.form = &query;
		strv_add(&headers, "Content-Type: application/x-www-form-urlencoded");
	} else {
		q.url = url = str_printf("%s%s%s", challenge->realm,
					 strchr(challenge->realm, '?') ? "&" : "?",
					 query.data ? query.data : "");
	}
	if (basic)
		strv_add_take(&headers, str_printf("Authorization: %s", basic));
	q.headers = headers;
	r = ask(&q, &answer, err);
	return r < 0 ? r : read_token(&answer, ret_authorization, err);
}
