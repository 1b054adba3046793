/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of an instance, each source over the one before: built in, /etc/cloche/cloche.conf, /etc/cloche/conf.d/ *.conf (by
 * name), ~/.config/cloche/cloche.conf (XDG_CONFIG_HOME), CLOCHE_* variables, flags (settings_tell). Ini by libinih;
 * an unknown key or bad value is an error naming file and line. One table makes the reader and the list in `info` and the manual. */
#ifndef CLOCHE_STATE_SETTINGS_H
#define CLOCHE_STATE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct err;

enum { SETTINGS_MOST = 32 }; /* rows of the table */

struct settings {
	char *root;		     /* CLOCHE_ROOT, default /var/lib/cloche */
	char *run_root;		     /* CLOCHE_RUN_ROOT, default /run/cloche */
	char *log_driver;	     /* local, json-file, none */
	uint64_t log_max_size_bytes; /* 20 MiB */
	uint64_t log_max_files;	     /* 5 */
	uint64_t pids_limit;	     /* 8192 */
	uint64_t shm_size_bytes;     /* 64 MiB */
	uint64_t stop_timeout_s;     /* 10 */
	char *userns;		     /* private | host */
	char *cdi_dirs;		     /* /etc/cdi:/run/cdi */
	char *detach_keys;	     /* ctrl-p,ctrl-q */
	char *seccomp_profile;	     /* path; empty: built in */
	char *publish_mode;	     /* kernel | visible */
	char *publish_address;	     /* of -p without one; empty: every address */
	bool init;		     /* --init by default */
	bool selinux;		     /* containers are labelled */
	bool keeper;		     /* a start wants cloche-keeper */
	char *guard;	  /* of containers when a kill guard is loaded: deny | audit | off */
	char *names;	  /* of container users on the host: all | admin | off */
	char *log_level;  /* debug | info | warn | error | fatal: what is said on stderr */
	char *log_format; /* text | json */
	struct setting_source {
		char *value, *source; /* of a row of the table; NULL: as built in */
	} sources[SETTINGS_MOST];
};

struct setting { /* one row of the table */
	const char *section, *key, *variable, *default_value, *help;
};
extern const struct setting settings_table[]; /* ends with a NULL key */

int settings_read(struct settings *settings, struct err *err);
/* One more source: a flag. Its name as in the table, the words of where it comes from. */
int settings_tell(struct settings *settings, const char *key, const char *value, const char *source,
		  struct err *err);
void settings_clear(struct settings *settings);

#endif
