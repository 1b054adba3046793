/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `login`: try credentials at a registry, then keep them (credential.h). */
#ifndef CLOCHE_TRANSFER_LOGIN_H
#define CLOCHE_TRANSFER_LOGIN_H

struct err;

/* server: a host, "docker.io" for Docker Hub. The password comes from fd, up to its end, without its last newline. */
int login(const char *server, const char *user, int fd, char *const *insecure, struct err *err);

#endif
