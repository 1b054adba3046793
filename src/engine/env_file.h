/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NAME=VALUE from options and files, as Docker reads them: a name alone takes the value of our own environment. */
#ifndef CLOCHE_ENGINE_ENV_FILE_H
#define CLOCHE_ENGINE_ENV_FILE_H

struct err;

int env_file_assign(const char *text, char ***env, struct err *err);
int env_file_read(const char *path, char ***env, struct err *err);
/* The same file of labels: a name alone is a label without a value. */
int label_file_read(const char *path, char ***labels, struct err *err);

#endif
