/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/registry_access.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/credential.h"
#include "transfer/registry.h"

enum { PEM_MAX = 256 * 1024 };

static const char hub[] = "docker.io", hub_server[] = "registry-1.docker.io";

static bool is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || str_prefix(host, "localhost:") ||
	       str_prefix(host, "127.") || strcmp(host, "[::1]") == 0 || str_prefix(host, "[::1]:");
}

static bool is_insecure(const char *host, char *const *insecure)
{
	const char *text = getenv("CLOCHE_INSECURE_REGISTRIES");
	_cleanup_strv_ char **named = strv_split(text ? text : "", ',');

	for (; insecure && *insecure; insecure++)
		if (strcasecmp(*insecure, host) == 0)
			return true;
	for (size_t i = 0; named[i]; i++)
		if (strcasecmp(named[i], host) == 0)
			return true;
	return false;
}

static int add_pem(int dir, const char *name, char **field, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	char *both;
	int r = fd < 0 ? -errno : fd_read_all(fd, PEM_MAX, &text);

	if (r < 0)
		return err_sys(err, r, "read the certificate %s", name);
	both = str_printf("%s%s\n", *field ? *field : "", text.data ? text.data : "");
	free(*field);
	*field = both;
	return 0;
}

/* The fetcher, which is nobody, may not come by a way that is root's alone. */
static int find_socket(int dir, const char *name, struct registry_access *access, struct err *err)
{
	_cleanup_free_ char *path = str_printf("/proc/self/fd/%d/%s", dir, name);

	if (access->socket)
		return 0;
	access->socket = realpath(path, NULL);
	return access->socket ? 0 : err_sys(err, errno, "find the socket %s", name);
}

/* NAME.crt: an authority. NAME.cert and NAME.key: who we are; one pair is used. socket: where the registry listens. */
static int read_folder(const char *path, struct registry_access *access, struct err *err)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
							     err_sys(err, errno, "open %s", path);
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, "socket") == 0) {
			r = find_socket(dirfd(d), e->d_name, access, err);
		} else if (str_suffix(e->d_name, ".crt")) {
			r = add_pem(dirfd(d), e->d_name, &access->ca_pem, err);
		} else if (str_suffix(e->d_name, ".cert") && !access->cert_pem) {
			_cleanup_free_ char *key = str_printf(
				"%.*s.key", (int)(strlen(e->d_name) - strlen(".cert")), e->d_name);

			r = add_pem(dirfd(d), e->d_name, &access->cert_pem, err);
			if (r == 0)
				r = add_pem(dirfd(d), key, &access->key_pem, err);
		}
	}
	(void)closedir(d);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

static int read_certificates(const char *host, struct registry_access *access, struct err *err)
{
	static const char *const folders[] = { "/etc/cloche/certs.d", "/etc/containers/certs.d",
					       "/etc/docker/certs.d" };
	static const char *const own[] = { ".config/containers/certs.d", ".config/docker/certs.d" };
	const char *home = getenv("HOME");
	int r = 0;

	for (size_t i = 0; r == 0 && home && *home && i < ARRAY_SIZE(own); i++) {
		_cleanup_free_ char *path = str_printf("%s/%s/%s", home, own[i], host);

		r = read_folder(path, access, err);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = str_printf("%s/%s", folders[i], host);

		r = read_folder(path, access, err);
	}
	return r;
}

static unsigned int stall_seconds(void)
{
	const char *text = getenv("CLOCHE_STALL_SECONDS");
	uint64_t seconds = 30;

	if (text && (str_to_u64(text, 3600, &seconds) < 0 || seconds == 0))
		seconds = 30;
	return (unsigned int)seconds;
}

int registry_access_find(const char *domain, const char *path, char *const *insecure,
			 struct registry_access *ret_access, struct err *err)
{
	struct registry_access access = REGISTRY_ACCESS_EMPTY;
	struct credential credential = CREDENTIAL_NONE;
	int r = read_certificates(domain, &access, err);

	if (r == 0)
		r = credential_find(domain, path, &credential, err);
	if (r < 0) {
		registry_access_clear(&access);
		return r;
	}
	access.host = str_dup(strcmp(domain, hub) == 0 ? hub_server : domain);
	access.insecure = is_insecure(domain, insecure);
	/* who has certificates for it wants TLS */
	access.loopback = (is_loopback(domain) || access.socket) && !access.ca_pem &&
			  !access.cert_pem;
	access.user = ptr_take(&credential.user);
	access.password = ptr_take(&credential.password);
	access.identity_token = ptr_take(&credential.identity_token);
	access.stall_s = stall_seconds();
	*ret_access = access;
	return 0;
}
