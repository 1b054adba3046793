/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors over a SOCK_SEQPACKET pair (unix(7), SCM_RIGHTS): one packet is one word and up to FD_PASS_MAX
 * descriptors, which arrive close-on-exec. */
#ifndef CLOCHE_BASE_FD_PASS_H
#define CLOCHE_BASE_FD_PASS_H

#include <stddef.h>

enum { FD_PASS_MAX = 200 }; /* below SCM_MAX_FD, 253 */

int fd_pass_send(int socket, char word, const int *fds, size_t count);
/* One packet that must start with word. Count of descriptors, -EPIPE at the end, -EPROTO for another word, -errno. */
int fd_pass_receive(int socket, char word, int *fds, size_t room);

/* Any bytes, with descriptors when count is not 0, over any socket of unix(7) that is connected. */
int fd_pass_send_bytes(int socket, const void *data, size_t length, const int *fds, size_t count);
/* A packet of exactly length bytes. As fd_pass_receive; -EPROTO for another length. */
int fd_pass_receive_bytes(int socket, void *data, size_t length, int *fds, size_t room);
/* Text and one descriptor, as terminals and seccomp listeners are handed over. */
int fd_pass_send_text(int socket, const char *text, int fd);

#endif
