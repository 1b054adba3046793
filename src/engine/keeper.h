/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-keeper of the instance: started, ended, and what it runs when something died. All works without it: the next command mends the same.
 * RUN/keeper says who it is, RUN/keeper.lock is locked while it lives. */
#ifndef CLOCHE_ENGINE_KEEPER_H
#define CLOCHE_ENGINE_KEEPER_H

#include <sys/types.h>

struct engine;
struct err;

/* 1: started, 0: one runs already, -errno. */
int keeper_start(struct engine *engine, struct err *err);
/* 1: ended, 0: none was there. */
int keeper_stop(struct engine *engine, struct err *err);
pid_t keeper_pid(struct engine *engine); /* 0: none */
/* Put right what was killed or flushed: monitors, relays, name server, the nftables table, and release what ended unseen. */
int keeper_mend(struct engine *engine, struct err *err);

#endif
