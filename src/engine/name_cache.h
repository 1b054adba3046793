/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nscd(8), where it runs, keeps a name for ten minutes. The ids of a container that was removed may be another's by then, so that it is told to
 * forget. Others have no cache of ours: SSSD keeps its own domains, systemd's module asks nobody for our ids. */
#ifndef CLOCHE_ENGINE_NAME_CACHE_H
#define CLOCHE_ENGINE_NAME_CACHE_H

/* Tell nscd to forget users and groups; nobody is waited for, and nothing happens where it does not run. */
void name_cache_forget(void);

#endif
