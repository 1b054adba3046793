/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long a connection takes until its first byte.
 *
 *	hello serve PORT                 accept, send a byte, close
 *	hello ask ADDRESS PORT COUNT     nanoseconds of each, from connect(2) to the byte
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int serve(uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s < 0 || bind(s, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(s, 128) < 0)
		return 1;
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c >= 0) {
			(void)!write(c, "!", 1);
			(void)close(c);
		}
	}
}

static int ask(const char *address, uint16_t port, long count)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return 1;
	for (; count > 0; count--) {
		struct timespec begin, end;
		int s = socket(AF_INET, SOCK_STREAM, 0);
		char byte;

		(void)clock_gettime(CLOCK_MONOTONIC, &begin);
		if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		    read(s, &byte, 1) != 1) {
			perror("hello");
			return 1;
		}
		(void)clock_gettime(CLOCK_MONOTONIC, &end);
		(void)close(s);
		(void)printf("%lld\n", (long long)(end.tv_sec - begin.tv_sec) * 1000000000 +
					       (end.tv_nsec - begin.tv_nsec));
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve((uint16_t)strtoul(argv[2], NULL, 10));
	if (argc == 5 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], (uint16_t)strtoul(argv[3], NULL, 10),
			   strtol(argv[4], NULL, 10));
	(void)fputs("usage: hello serve PORT | hello ask ADDRESS PORT COUNT\n", stderr);
	return 1;
}
