/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One HTTP exchange after the other with one server, by libcurl. It follows no redirect and answers no challenge by itself:
 * where credentials may go is registry.c's to decide.
 *
 *	http_open(&http, &options, err);
 *	http_perform(http, &(struct http_request){ .method = "GET", .url = url, .sink = sink }, &response, err);
 *	http_response_clear(&response);
 *	http_close(http);
 */
#ifndef CLOCHE_TRANSFER_HTTP_H
#define CLOCHE_TRANSFER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct err;
struct http;

struct http_options {
	const char *ca_pem;		/* besides the system's; or NULL */
	const char *cert_pem, *key_pem; /* of the client; or NULL */
	const char *socket;   /* of unix(7), through which all hosts are reached; or NULL */
	bool insecure;	      /* any certificate will do */
	unsigned int stall_s; /* without a byte: given up */
};

struct http_response {
	long status;
	bool transient;	 /* after a failure: the same again may work */
	bool tls_failed; /* after a failure: the server speaks no TLS */
	char *content_type, *location, *digest, *range, *content_range, *link;
	char *redirect; /* absolute, of a 3xx */
	char **challenges;
	uint64_t retry_after_s; /* 0: not said */
	struct buf body;	/* of an answer that is no success, its start */
};
#define HTTP_RESPONSE_EMPTY ((struct http_response){ 0 })
void http_response_clear(struct http_response *response);

struct http_sink { /* of a success; negative ends the exchange with that error */
	int (*head)(void *data, const struct http_response *response,
		    struct err *err); /* or NULL */
	int (*write)(void *data, const void *bytes, size_t length, struct err *err);
	void *data;
};

struct http_source {
	/* Up to size bytes; 0: the end; negative ends the exchange. */
	long (*read)(void *data, void *bytes, size_t size, struct err *err);
	void *data;
	uint64_t length;
};

struct http_request {
	const char *method, *url;
	char *const *headers; /* "Name: value"; NULL-terminated, or NULL */
	const struct http_sink *sink;
	const struct http_source *source; /* a body to send; or NULL */
	bool not_link_local; /* where a server told us to go: not to 169.254.0.0/16 nor fe80::/10 */
};

int http_open(struct http **ret_http, const struct http_options *options, struct err *err);
void http_close(struct http *http);
/* 0 with *ret_response, whatever its status; or -errno, when there was no whole answer; transient and tls_failed are set then. */
int http_perform(struct http *http, const struct http_request *request,
		 struct http_response *ret_response, struct err *err);

/* May the same again work, after what http_perform gave and said? So often it is tried, with a pause between: a growing one, or what
 * the server wants. -EAGAIN: it wants a longer one than anybody would wait for. */
enum { HTTP_ATTEMPTS = 5 };
bool http_worth_retry(const struct http_response *response, int r);
int http_wait_turn(const struct http_response *response, int attempt, struct err *err);

/* A server that may speak either is greeted as TLS would, without the authorities' certificates, whose reading takes longer than
 * all else that a small pull does. true: it answered in HTTP. false: it speaks TLS, or says nothing that tells. */
bool http_answers_plain(const struct http *http, const char *url);

/* "https://host:port" of a URL, lower case, with the port; NULL: it is none of http or https. */
char *http_origin(const char *url);

#endif
