/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "transfer/curl_library.h"

enum {
	ANSWER_MAX = 64 * 1024, /* of an answer that is no success */
	CONNECT_TIMEOUT_S = 30,
	BUFFER = 256 * 1024,
	RETRY_AFTER_MAX_S = 24 * 3600,
	GREETING_MS = 1000,
	SENT_PATIENCE = 10, /* times as long */
	PAUSE_MS = 250,	    /* before the second attempt; doubled for each */
	RETRY_AFTER_MOST_S = 60,
};

struct http {
	CURL *curl;
	struct http_options options;
	char words[CURL_ERROR_SIZE];
};

struct exchange {
	struct http *http;
	const struct http_request *request;
	struct http_response *response;
	struct err *err;
	bool headed, stalled, refused_address;
	int failed;    /* of a callback of the caller's */
	uint64_t sent; /* of the source */
	time_t moved;
};

static time_t seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

void http_response_clear(struct http_response *response)
{
	free(response->content_type);
	free(response->location);
	free(response->digest);
	free(response->range);
	free(response->content_range);
	free(response->link);
	free(response->redirect);
	strv_clear(response->challenges);
	buf_clear(&response->body);
	*response = HTTP_RESPONSE_EMPTY;
}

char *http_origin(const char *url)
{
	struct err dropped = ERR_NONE; /* what cannot be told is no origin that anything equals */
	CURLU *parsed = curl_library_load(&dropped) == 0 ? libcurl()->url() : NULL;
	char *scheme = NULL, *host = NULL, *port = NULL, *origin = NULL;

	if (parsed && libcurl()->url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    libcurl()->url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    libcurl()->url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    libcurl()->url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0)) {
		origin = str_printf("%s://%s:%s", scheme, host, port);
		for (char *c = origin; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
	}
	if (!parsed)
		return NULL;
	libcurl()->free(scheme);
	libcurl()->free(host);
	libcurl()->free(port);
	libcurl()->url_cleanup(parsed);
	return origin;
}

/* -- headers ---------------------------------------------------------------------------------- */

static char *header(CURL *curl, const char *name)
{
	struct curl_header *h;

	return libcurl()->easy_header(curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ?
		       str_dup(h->value) :
		       NULL;
}

static void read_headers(CURL *curl, struct http_response *r)
{
	struct curl_header *h;
	curl_off_t retry = 0;
	char *redirect = NULL;

	(void)libcurl()->easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &r->status);
	(void)libcurl()->easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry);
	(void)libcurl()->easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
	if (retry > 0)
		r->retry_after_s =
			(uint64_t)(retry < RETRY_AFTER_MAX_S ? retry : RETRY_AFTER_MAX_S);
	r->redirect = str_dup(redirect);
	r->content_type = header(curl, "Content-Type");
	r->location = header(curl, "Location");
	r->digest = header(curl, "Docker-Content-Digest");
	r->range = header(curl, "Range");
	r->content_range = header(curl, "Content-Range");
	r->link = header(curl, "Link");
	for (size_t i = 0; i < 8 && libcurl()->easy_header(curl, "WWW-Authenticate", i,
							   CURLH_HEADER, -1, &h) == CURLHE_OK;
	     i++)
		strv_add(&r->challenges, h->value);
}

static int head_once(struct exchange *x)
{
	const struct http_sink *sink = x->request->sink;

	if (x->headed)
		return 0;
	x->headed = true;
	read_headers(x->http->curl, x->response);
	if (x->response->status / 100 != 2 || !sink || !sink->head)
		return 0;
	return sink->head(sink->data, x->response, x->err);
}

/* -- callbacks -------------------------------------------------------------------------------- */

static size_t on_body(char *bytes, size_t one, size_t count, void *data)
{
	struct exchange *x = data;
	const struct http_sink *sink = x->request->sink;
	size_t length = one * count;

	x->failed = head_once(x);
	if (x->failed == 0 && x->response->status / 100 == 2) {
		if (sink)
			x->failed = sink->write(sink->data, bytes, length, x->err);
	} else if (x->failed == 0 && x->response->body.length + length <= ANSWER_MAX) {
		buf_add(&x->response->body, bytes, length);
	} else if (x->failed == 0) {
		x->failed = err_set(x->err, EFBIG, "its answer is too long");
	}
	x->moved = seconds_now(); /* after the sink, which may have waited for a disk */
	return x->failed < 0 ? 0 : length;
}

static size_t on_source(char *bytes, size_t one, size_t count, void *data)
{
	struct exchange *x = data;
	const struct http_source *source = x->request->source;
	long n = source->read(source->data, bytes, one * count, x->err);

	x->moved = seconds_now();
	x->sent += n > 0 ? (uint64_t)n : 0;
	if (n >= 0)
		return (size_t)n;
	x->failed = (int)n;
	return CURL_READFUNC_ABORT;
}

/* A registry that has got all of a large blob may hash it once more, or move it to another store, before it says a word. */
static time_t patience_s(const struct exchange *x)
{
	const struct http_source *source = x->request->source;

	return (time_t)x->http->options.stall_s *
	       (source && x->sent >= source->length ? SENT_PATIENCE : 1);
}

static int on_progress(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct exchange *x = data;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	x->stalled = seconds_now() - x->moved > patience_s(x);
	return x->stalled;
}

static bool link_local(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 16 == 0xa9fe;
	if (address->sa_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 0xa9 &&
		v6->sin6_addr.s6_addr[13] == 0xfe);
}

/* A cloud's metadata service answers there, and trusts whoever asks from this host. */
static curl_socket_t on_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct exchange *x = data;

	(void)purpose;
	if (x->request->not_link_local && link_local(&address->addr)) {
		x->refused_address = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* -- the exchange ----------------------------------------------------------------------------- */

static void set_blob(CURL *curl, CURLoption option, const char *pem)
{
	struct curl_blob blob = { .data = (void *)(uintptr_t)pem,
				  .len = pem ? strlen(pem) : 0,
				  .flags = CURL_BLOB_COPY };

	if (pem)
		(void)libcurl()->easy_setopt(curl, option, &blob);
}

int http_open(struct http **ret_http, const struct http_options *options, struct err *err)
{
	struct http *http = mem_new(sizeof(*http));

	http->options = *options;
	http->curl = libcurl()->easy_init();
	if (!http->curl) {
		free(http);
		return err_set(err, ENOMEM, "start libcurl");
	}
	*ret_http = http;
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	libcurl()->easy_cleanup(http->curl);
	free(http);
}

static void set_up(struct exchange *x, struct curl_slist *headers)
{
	const struct http_request *request = x->request;
	const struct http_options *options = &x->http->options;
	CURL *c = x->http->curl;
	const char *proxy = getenv("HTTP_PROXY");

	libcurl()->easy_reset(c); /* keeps connections */
	(void)libcurl()->easy_setopt(c, CURLOPT_URL, request->url);
	(void)libcurl()->easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)libcurl()->easy_setopt(c, CURLOPT_CUSTOMREQUEST, request->method);
	(void)libcurl()->easy_setopt(c, CURLOPT_NOBODY,
				     strcmp(request->method, "HEAD") == 0 ? 1L : 0L);
	(void)libcurl()->easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)libcurl()->easy_setopt(c, CURLOPT_USERAGENT, "cloche/" CLOCHE_VERSION);
	(void)libcurl()->easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)libcurl()->easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	(void)libcurl()->easy_setopt(c, CURLOPT_BUFFERSIZE, (long)BUFFER);
	(void)libcurl()->easy_setopt(c, CURLOPT_ERRORBUFFER, x->http->words);
	(void)libcurl()->easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)libcurl()->easy_setopt(c, CURLOPT_WRITEDATA, x);
	(void)libcurl()->easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)libcurl()->easy_setopt(c, CURLOPT_XFERINFODATA, x);
	(void)libcurl()->easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	(void)libcurl()->easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)libcurl()->easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
	if (proxy && !getenv("http_proxy") && str_prefix(request->url, "http:"))
		(void)libcurl()->easy_setopt(c, CURLOPT_PROXY, proxy); /* as Docker reads it */
	if (options->socket) {
		(void)libcurl()->easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, options->socket);
		(void)libcurl()->easy_setopt(c, CURLOPT_PROXY, "");
	}
	if (options->insecure) {
		(void)libcurl()->easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)libcurl()->easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	set_blob(c, CURLOPT_CAINFO_BLOB, options->ca_pem);
	set_blob(c, CURLOPT_SSLCERT_BLOB, options->cert_pem);
	set_blob(c, CURLOPT_SSLKEY_BLOB, options->key_pem);
	if (request->source) {
		(void)libcurl()->easy_setopt(c, CURLOPT_UPLOAD, 1L);
		(void)libcurl()->easy_setopt(c, CURLOPT_INFILESIZE_LARGE,
					     (curl_off_t)request->source->length);
		(void)libcurl()->easy_setopt(c, CURLOPT_READFUNCTION, on_source);
		(void)libcurl()->easy_setopt(c, CURLOPT_READDATA, x);
	}
}

static int failure(struct exchange *x, CURLcode code, struct err *err)
{
	const char *words = x->http->words[0] ? x->http->words : libcurl()->easy_strerror(code);
	struct http_response *r = x->response;

	if (x->failed < 0)
		return x->failed;
	if (x->refused_address)
		return err_set(
			err, EPERM,
			"a word of the registry that leads to a link-local address is not followed");
	if (x->stalled) {
		r->transient = true;
		return err_set(err, ETIMEDOUT, "nothing came for %lld seconds",
			       (long long)patience_s(x));
	}
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(err, EHOSTUNREACH, "%s", words);
	case CURLE_COULDNT_CONNECT:
		return err_set(err, ECONNREFUSED, "%s", words);
	case CURLE_SSL_CONNECT_ERROR:
		r->tls_failed = true;
		return err_set(err, EPROTO, "%s", words);
	case CURLE_PEER_FAILED_VERIFICATION:
		err_set(err, EPERM, "%s", words);
		return err_hint(
			err,
			"put its CA into /etc/docker/certs.d/HOST:PORT/ca.crt, or name it in --insecure-registry");
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		r->transient = true;
		return err_set(err, EIO, "%s", words);
	default:
		return err_set(err, EIO, "%s", words);
	}
}

int http_perform(struct http *http, const struct http_request *request,
		 struct http_response *ret_response, struct err *err)
{
	struct http_response response = HTTP_RESPONSE_EMPTY;
	struct exchange x = { .http = http,
			      .request = request,
			      .response = &response,
			      .err = err,
			      .moved = seconds_now() };
	struct curl_slist *headers = NULL;
	CURLcode code;
	int r = 0;

	for (size_t i = 0; request->headers && request->headers[i]; i++)
		headers = libcurl()->slist_append(headers, request->headers[i]);
	headers = libcurl()->slist_append(headers, "Expect:");
	http->words[0] = '\0';
	set_up(&x, headers);
	code = libcurl()->easy_perform(http->curl);
	if (code == CURLE_OK) {
		r = head_once(&x); /* an answer without a body */
		if (r < 0)
			x.failed = r;
	} else {
		if (!x.headed)
			read_headers(http->curl, &response);
		r = failure(&x, code, err);
	}
	libcurl()->slist_free_all(headers);
	*ret_response = response;
	return r;
}

/* -- once more -------------------------------------------------------------------------------- */

bool http_worth_retry(const struct http_response *response, int r)
{
	if (r < 0)
		return response->transient;
	return response->status == 429 || response->status == 408 || response->status >= 500;
}

int http_wait_turn(const struct http_response *response, int attempt, struct err *err)
{
	uint64_t ms = (uint64_t)PAUSE_MS << attempt;

	if (response->retry_after_s > RETRY_AFTER_MOST_S)
		return err_set(err, EAGAIN, "too many requests: it wants us back in %llu seconds",
			       (unsigned long long)response->retry_after_s);
	if (response->retry_after_s * 1000 > ms)
		ms = response->retry_after_s * 1000;
	(void)poll(NULL, 0, (int)ms);
	return 0;
}

/* -- TLS or not ------------------------------------------------------------------------------- */

/* A handshake record with one empty message of a type that there is not: TLS answers with an alert at once (RFC 8446, 4), and
 * the line's end within makes of it a request that HTTP answers with 400. */
static const char greeting[] = { 0x16, 3, 1, 0, 4, '\n', 0, 0, 0 };

static bool answer_is_plain(CURL *curl)
{
	enum { ALERT = 21, HANDSHAKE = 22 }; /* RFC 8446, 5.1 */
	struct pollfd answer = { .fd = -1, .events = POLLIN };
	char first;
	size_t n = 0;

	return libcurl()->easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &answer.fd) == CURLE_OK &&
	       libcurl()->easy_send(curl, greeting, sizeof(greeting), &n) == CURLE_OK &&
	       n == sizeof(greeting) && poll(&answer, 1, GREETING_MS) == 1 &&
	       libcurl()->easy_recv(curl, &first, 1, &n) == CURLE_OK && n == 1 && first != ALERT &&
	       first != HANDSHAKE;
}

bool http_answers_plain(const struct http *http, const char *url)
{
	CURL *curl = libcurl()->easy_init();
	bool plain = false;

	if (!curl)
		return false;
	(void)libcurl()->easy_setopt(curl, CURLOPT_URL, url);
	(void)libcurl()->easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	(void)libcurl()->easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	(void)libcurl()->easy_setopt(curl, CURLOPT_PROXY,
				     ""); /* its answer would be of the proxy */
	(void)libcurl()->easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)libcurl()->easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	if (http->options.socket)
		(void)libcurl()->easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, http->options.socket);
	if (libcurl()->easy_perform(curl) == CURLE_OK)
		plain = answer_is_plain(curl);
	libcurl()->easy_cleanup(curl);
	return plain;
}
