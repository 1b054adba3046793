/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A policy in words: "linux.seccomp" of a config.json (config-linux.md), for a container that another OCI runtime starts. */
#ifndef CLOCHE_RUNTIME_SECCOMP_DESCRIBE_H
#define CLOCHE_RUNTIME_SECCOMP_DESCRIBE_H

struct buf;
struct err;
struct seccomp_policy;

/* Appended to *json. -EOPNOTSUPP: the refusal of set-id modes, which the format has no words for. */
int seccomp_describe(const struct seccomp_policy *policy, struct buf *json, struct err *err);

#endif
