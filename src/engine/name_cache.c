/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/name_cache.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define NSCD_SOCKET "/run/nscd/socket"

/* glibc's nscd/nscd-client.h: the head of a request, and one of its types. The key is the name of a database. */
enum { NSCD_VERSION = 2, NSCD_INVALIDATE = 10 };
struct nscd_request {
	int32_t version, type, key_length;
};

static void forget(const char *database)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = NSCD_SOCKET };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct nscd_request request = { NSCD_VERSION, NSCD_INVALIDATE,
					(int32_t)strlen(database) + 1 };
	char message[sizeof(request) + 16];

	memcpy(message, &request, sizeof(request));
	memcpy(message + sizeof(request), database, (size_t)request.key_length);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		(void)send(fd, message, sizeof(request) + (size_t)request.key_length, MSG_NOSIGNAL);
}

void name_cache_forget(void)
{
	if (access(NSCD_SOCKET, F_OK) < 0)
		return;
	forget("passwd");
	forget("group");
}
