/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inspect --as: containers as the command line, Compose file or Quadlet unit that makes them again. */
#ifndef CLOCHE_CLI_INSPECT_AS_H
#define CLOCHE_CLI_INSPECT_AS_H

struct cli;
struct err;

/* kind: "run", "compose" or "quadlet". Of this instance, else of Docker's on this host. The exit status. */
int inspect_as(struct cli *cli, const char *kind, char **operands, struct err *err);

#endif
