/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "image/document.h"
#include "image/sha256.h"
#include "transfer/curl_library.h"
#include "transfer/message.h"
#include "transfer/registry.h"

enum {
	RECORD_MAX = 1024 * 1024, /* certificates, a token */
	PIECE = 256 * 1024,	  /* of a body */
	HELD_MS = 50,
	TEXT_MAX = 128 * 1024,
	HEADERS_MAX = 100,
};

static void put_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_put(object, key, json_text(text));
}

static int send_json(int fd, enum message_kind kind, json_t *json)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);
	int r = text ? message_send(fd, kind, text, strlen(text)) : -ENOMEM;

	if (text)
		explicit_bzero(text, strlen(text)); /* it may be credentials */
	return r;
}

/* -- the child -------------------------------------------------------------------------------- */

struct server { /* what the loop of the child holds */
	struct registry_access access;
	struct registry *registry;
	struct buf message;
	uint64_t source_left;
	char *held; /* a piece of the body, to be handed on */
	size_t held_length;
	uint64_t handed_ms; /* when the last was */
};

static int read_record(struct server *s, enum message_kind wanted, json_t **ret_json,
		       struct err *err)
{
	uint32_t kind;
	int r = message_receive(WORKER_IN, RECORD_MAX, &s->message, &kind);

	if (r <= 0)
		return r; /* the parent is through */
	if (kind != wanted)
		return err_set(err, EBADMSG, "an unexpected message");
	r = document_parse(s->message.data, s->message.length, "request", ret_json, err);
	return r < 0 ? r : 1;
}

static int read_access(struct server *s, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	struct registry_access *a = &s->access;
	struct {
		const char *key;
		char **field;
	} const texts[] = {
		{ "host", &a->host },
		{ "user", &a->user },
		{ "password", &a->password },
		{ "identity_token", &a->identity_token },
		{ "authorization", &a->authorization },
		{ "scope", &a->scope },
		{ "ca", &a->ca_pem },
		{ "socket", &a->socket },
		{ "cert", &a->cert_pem },
		{ "key", &a->key_pem },
	};
	int r = read_record(s, MESSAGE_OPEN, &json, err);

	for (size_t i = 0; r > 0 && i < ARRAY_SIZE(texts); i++)
		if (document_string(json, texts[i].key, RECORD_MAX, texts[i].field, err) < 0)
			r = -err->code;
	if (r <= 0)
		return r < 0 ? r : err_set(err, EBADMSG, "no server was named");
	a->insecure = json_bool_at(json, "insecure");
	a->loopback = json_bool_at(json, "loopback");
	a->plain = json_bool_at(json, "plain");
	a->stall_s = (unsigned int)json_int_at(json, "stall_s", 30);
	return 0;
}

static int hand_on(struct server *s, struct err *err)
{
	int r = s->held_length == 0 ?
			0 :
			message_send(WORKER_OUT, MESSAGE_DATA, s->held, s->held_length);

	s->held_length = 0;
	return r < 0 ? err_sys(err, r, "hand on") : 0;
}

static int tell_head(void *data, const struct http_response *response, struct err *err)
{
	_cleanup_json_ json_t *json = json_object();
	int r = hand_on(data, err); /* of an attempt before */

	if (r < 0)
		return r;
	json_put(json, "status", json_integer(response->status));
	put_text(json, "type", response->content_type);
	put_text(json, "location", response->location);
	put_text(json, "digest", response->digest);
	put_text(json, "range", response->range);
	put_text(json, "link", response->link);
	r = send_json(WORKER_OUT, MESSAGE_HEAD, json);
	return r < 0 ? err_sys(err, r, "hand on") : 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* libcurl gives 16 KiB at a time: five system calls and a turn of two processes for each. Of a slow server every byte is handed on
 * soon, for who looks at the progress. */
static int tell_data(void *data, const void *bytes, size_t length, struct err *err)
{
	struct server *s = data;
	const char *at = bytes;
	uint64_t now = now_ms();

	if (!s->held)
		s->held = mem_new(PIECE);
	while (length > 0) {
		size_t room = PIECE - s->held_length, n = length < room ? length : room;

		memcpy(s->held + s->held_length, at, n);
		s->held_length += n;
		at += n;
		length -= n;
		if (s->held_length < PIECE && now - s->handed_ms < HELD_MS)
			break;
		if (hand_on(s, err) < 0)
			return -err->code;
		s->handed_ms = now;
	}
	return 0;
}

static long read_source(void *data, void *bytes, size_t size, struct err *err)
{
	struct server *s = data;
	size_t want = s->source_left < size ? (size_t)s->source_left : size;
	ssize_t n;

	do
		n = read(WORKER_IN, bytes, want);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "read what to send");
	s->source_left -= (uint64_t)n;
	return n;
}

/* What the server did not take must not be read as the next request. */
static int drain_source(struct server *s, struct err *err)
{
	char bytes[16384];

	while (s->source_left > 0) {
		long n = read_source(s, bytes, sizeof(bytes), err);

		if (n <= 0)
			return n < 0 ? (int)n : err_set(err, EBADMSG, "what to send is cut");
	}
	return 0;
}

static int perform(struct server *s, const json_t *json, struct err *err)
{
	_cleanup_(http_response_clear) struct http_response response = HTTP_RESPONSE_EMPTY;
	_cleanup_free_ char *method = NULL, *path = NULL, *scope = NULL;
	_cleanup_strv_ char **headers = NULL;
	const struct http_sink sink = { .head = tell_head, .write = tell_data, .data = s };
	const struct http_source source = { .read = read_source,
					    .data = s,
					    .length = (uint64_t)json_int_at(json, "source", 0) };
	struct registry_request request = { .sink = &sink };
	int r = document_string(json, "method", 16, &method, err);

	s->source_left = source.length;
	if (r == 0)
		r = document_string(json, "path", TEXT_MAX, &path, err);
	if (r == 0)
		r = document_string(json, "scope", TEXT_MAX, &scope, err);
	if (r == 0)
		r = document_strv(json, "headers", HEADERS_MAX, &headers, err);
	if (r == 0)
		r = document_size(json, "offset", &request.offset, err);
	if (r == 0)
		r = document_size(json, "limit", &request.limit, err);
	if (r < 0)
		return r;
	request.method = method;
	request.path = path;
	request.scope = scope;
	request.headers = headers;
	request.source = json_object_get(json, "source") ? &source : NULL;
	return registry_perform(s->registry, &request, &response, err);
}

static int tell_learned(const struct server *s)
{
	_cleanup_json_ json_t *json = json_object();

	put_text(json, "authorization", registry_authorization(s->registry));
	json_put(json, "plain", json_boolean(registry_is_plain(s->registry)));
	return send_json(WORKER_OUT, MESSAGE_DONE, json);
}

static int tell_failure(const struct err *err)
{
	int code = err->code;
	_cleanup_free_ char *words = err->hint[0] ? str_printf("%s; %s", err->words, err->hint) :
						    str_dup(err->words);
	int r = message_send(WORKER_OUT, MESSAGE_WORDS, words, strlen(words));

	return r < 0 ? r : message_send(WORKER_OUT, MESSAGE_FAILED, &code, sizeof(code));
}

static int serve(struct server *s, struct err *err)
{
	for (;;) {
		_cleanup_json_ json_t *json = NULL;
		struct err failure = ERR_NONE, drained = ERR_NONE;
		int r = read_record(s, MESSAGE_REQUEST, &json, err);

		if (r <= 0)
			return r;
		r = perform(s, json, &failure);
		/* what is held, after a failure, too: the next attempt goes on there */
		if (hand_on(s, &drained) < 0 || drain_source(s, &drained) < 0)
			return 0; /* the parent is gone */
		r = r < 0 ? tell_failure(&failure) : tell_learned(s);
		if (r < 0)
			return 0;
	}
}

static int fetcher_run(struct buf *report, struct err *err)
{
	struct server s = { .access = REGISTRY_ACCESS_EMPTY };
	int r = curl_library_load(err);

	(void)report;
	if (r < 0)
		return r;
	if (libcurl()->global_init(CURL_GLOBAL_DEFAULT) != 0)
		return err_set(err, ENOMEM, "start libcurl");
	r = read_access(&s, err);
	if (r == 0)
		r = registry_open(&s.registry, &s.access, err);
	if (r == 0)
		r = serve(&s, err);
	registry_close(s.registry);
	registry_access_clear(&s.access);
	buf_clear(&s.message);
	free(s.held);
	return r;
}

/* -- the parent ------------------------------------------------------------------------------- */

void fetch_answer_clear(struct fetch_answer *answer)
{
	free(answer->content_type);
	free(answer->location);
	free(answer->digest);
	free(answer->range);
	free(answer->link);
	*answer = FETCH_ANSWER_EMPTY;
}

static int send_access(const struct fetcher *f, const struct registry_access *a, struct err *err)
{
	_cleanup_json_ json_t *json = json_object();
	int r;

	put_text(json, "host", a->host);
	put_text(json, "user", a->user);
	put_text(json, "password", a->password);
	put_text(json, "identity_token", a->identity_token);
	put_text(json, "authorization", a->authorization);
	put_text(json, "scope", a->scope);
	put_text(json, "ca", a->ca_pem);
	put_text(json, "socket", a->socket);
	put_text(json, "cert", a->cert_pem);
	put_text(json, "key", a->key_pem);
	json_put(json, "insecure", json_boolean(a->insecure));
	json_put(json, "loopback", json_boolean(a->loopback));
	json_put(json, "plain", json_boolean(a->plain));
	json_put(json, "stall_s", json_integer(a->stall_s));
	r = send_json(f->to, MESSAGE_OPEN, json);
	return r < 0 ? err_sys(err, r, "speak to the fetcher") : 0;
}

int fetcher_start(const struct registry_access *access, struct fetcher *ret_fetcher,
		  struct err *err)
{
	struct fetcher f = FETCHER_NONE;
	char nothing[DIGEST_SIZE];
	int to[2], from[2], r;

	if (pipe2(to, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		r = err_sys(err, errno, "make a pipe");
		fd_close(to[0]);
		fd_close(to[1]);
		return r;
	}
	(void)fcntl(from[0], F_SETPIPE_SZ, 4 * PIECE); /* fewer turns; a refusal costs only time */
	r = worker_start(&(struct worker_plan){ .kind = SANDBOX_NETWORK,
						.in = to[0],
						.out = from[1],
						.folder = -1,
						.run = fetcher_run },
			 &f.worker, err);
	fd_close(to[0]);
	fd_close(from[1]);
	f.to = to[1];
	f.from = from[0];
	if (r == 0)
		r = send_access(&f, access, err);
	if (r < 0) {
		fetcher_stop(&f);
		return r;
	}
	*ret_fetcher = f;
	/* libcrypto's first sum takes 2 ms: now, while the child loads libcurl, not when the answer is there */
	sha256_of(NULL, 0, nothing);
	return 0;
}

/* It closed its pipe: its own last words say why. */
static int died(struct fetcher *f, struct err *err)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	int r;

	fd_close(f->to);
	f->to = -1;
	if (f->worker.pid <= 0)
		return err_set(err, EIO, "the fetcher has ended");
	r = worker_end(&f->worker, &report, err);
	return r < 0 ? r : err_set(err, EIO, "the fetcher ended too early");
}

static int send_request(const struct fetcher *f, const struct fetch_request *q)
{
	_cleanup_json_ json_t *json = json_object();

	put_text(json, "method", q->method);
	put_text(json, "path", q->path);
	put_text(json, "scope", q->scope);
	json_put(json, "headers", json_from_strv(q->headers));
	json_put(json, "offset", json_integer((json_int_t)q->offset));
	json_put(json, "limit", json_integer((json_int_t)q->limit));
	if (q->source >= 0)
		json_put(json, "source", json_integer((json_int_t)q->source_length));
	return send_json(f->to, MESSAGE_REQUEST, json);
}

static int send_source(const struct fetcher *f, const struct fetch_request *q, struct err *err)
{
	_cleanup_free_ char *piece = mem_new(PIECE);
	uint64_t at = 0;

	while (at < q->source_length) {
		uint64_t left = q->source_length - at;
		ssize_t n = pread(q->source, piece, left < PIECE ? (size_t)left : PIECE,
				  (off_t)(q->source_offset + at));
		int r;

		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO, "read what to send");
		r = fd_write_all(f->to, piece, (size_t)n);
		if (r < 0)
			return 0; /* it will say why */
		at += (uint64_t)n;
		if (q->sent)
			q->sent(q->data, (uint64_t)n);
	}
	return 0;
}

static int read_answer(const struct fetcher *f, struct fetch_answer *answer, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	struct {
		const char *key;
		char **field;
	} const texts[] = {
		{ "type", &answer->content_type }, { "location", &answer->location },
		{ "digest", &answer->digest },	   { "range", &answer->range },
		{ "link", &answer->link },
	};
	int r = document_parse(f->message.data, f->message.length, "answer", &json, err);

	fetch_answer_clear(answer); /* of an earlier attempt */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
		r = document_string(json, texts[i].key, TEXT_MAX, texts[i].field, err);
	answer->status = (long)json_int_at(json, "status", 0);
	return r;
}

static int read_failure(const struct fetcher *f, const struct buf *words, struct err *err)
{
	int code = EIO;

	if (f->message.length == sizeof(code))
		memcpy(&code, f->message.data, sizeof(code));
	if (code <= 0 || code > 4095)
		code = EIO;
	return err_set(err, code, "%.*s", (int)(words->length < 900 ? words->length : 900),
		       words->data ? words->data : "");
}

int fetcher_ask(struct fetcher *f, const struct fetch_request *q, struct fetch_answer *ret_answer,
		struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_(buf_clear) struct buf words = BUF_EMPTY;
	int r = f->to < 0 ? -EPIPE : send_request(f, q);

	if (r < 0)
		return died(f, err);
	if (q->source >= 0 && (r = send_source(f, q, err)) < 0)
		return r;
	for (;;) {
		uint32_t kind;

		r = message_receive(f->from, RECORD_MAX, &f->message, &kind);
		if (r <= 0)
			return died(f, err);
		switch (kind) {
		case MESSAGE_HEAD:
			r = read_answer(f, &answer, err);
			break;
		case MESSAGE_DATA:
			r = q->write ? q->write(q->data, f->message.data, f->message.length, err) :
				       err_set(err, EBADMSG, "a body that nobody asked for");
			break;
		case MESSAGE_WORDS:
			buf_clear(&words);
			words = BUF_EMPTY;
			buf_add(&words, f->message.data, f->message.length);
			r = 0;
			break;
		case MESSAGE_FAILED:
			return read_failure(f, &words, err);
		case MESSAGE_DONE:
			*ret_answer = answer;
			answer = FETCH_ANSWER_EMPTY;
			return 0;
		default:
			r = err_set(err, EBADMSG, "the fetcher says something unknown");
		}
		if (r < 0) {
			fetcher_stop(f); /* it is in the middle of its answer */
			return r;
		}
	}
}

int fetcher_learn(struct fetcher *f, struct registry_access *access, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = document_parse(f->message.data ? f->message.data : "", f->message.length, "answer",
			       &json, err);

	if (r < 0)
		return r;
	free(access->authorization);
	access->authorization = NULL;
	access->plain = json_bool_at(json, "plain");
	return document_string(json, "authorization", TEXT_MAX, &access->authorization, err);
}

void fetcher_stop(struct fetcher *f)
{
	fd_close(f->to);
	fd_close(f->from);
	worker_stop(&f->worker);
	buf_clear(&f->message);
	*f = FETCHER_NONE;
}
