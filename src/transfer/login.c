/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/credential.h"
#include "transfer/fetcher.h"
#include "transfer/registry.h"
#include "transfer/registry_access.h"

enum { PASSWORD_MAX = 64 * 1024 };

static int read_password(int fd, char **ret_password, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = fd_read_all(fd, PASSWORD_MAX, &text);

	if (r < 0)
		return err_sys(err, r, "read the password");
	while (text.length > 0 && strchr("\r\n", text.data[text.length - 1]))
		text.data[--text.length] = '\0';
	if (text.length == 0 || strlen(text.data) != text.length)
		return err_set(err, EINVAL, "password is empty");
	*ret_password = str_dup(text.data);
	explicit_bzero(text.data, text.length);
	return 0;
}

static int ignore(void *data, const void *bytes, size_t length, struct err *err)
{
	(void)data;
	(void)bytes;
	(void)length;
	(void)err;
	return 0;
}

static int try(const struct registry_access *access, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	struct fetcher fetcher = FETCHER_NONE;
	int r = fetcher_start(access, &fetcher, err);

	if (r == 0)
		r = fetcher_ask(&fetcher,
				&(struct fetch_request){ .method = "GET",
							 .path = "/v2/",
							 .limit = 65536,
							 .write = ignore,
							 .source = -1 },
				&answer, err);
	fetcher_stop(&fetcher);
	return r;
}

int login(const char *server, const char *user, int fd, char *const *insecure, struct err *err)
{
	struct registry_access access = REGISTRY_ACCESS_EMPTY;
	struct credential credential = CREDENTIAL_NONE;
	_cleanup_free_ char *file = NULL;
	bool plain = false;
	int r = read_password(fd, &credential.password, err);

	if (r == 0)
		r = registry_access_find(server, "", insecure, &access, err);
	if (r == 0) {
		credential.user = str_dup(user);
		free(access.user);
		free(access.password);
		free(access.identity_token);
		access.user = str_dup(user);
		access.password = str_dup(credential.password);
		access.identity_token = NULL;
		r = try(&access, err);
		if (r < 0)
			err_wrap(err, "login %s", server);
	}
	if (r == 0)
		r = credential_store(server, &credential, &file, &plain, err);
	if (r == 0 && plain)
		(void)fprintf(
			stderr,
			"WARNING: the password is kept unencrypted in %s; a credential helper (credsStore in it) would not\n",
			file);
	registry_access_clear(&access);
	credential_clear(&credential);
	return r;
}
