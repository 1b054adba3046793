/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every command: a line here, its table in src/cli/<verb>.c. */
#ifndef CLOCHE_CLI_COMMANDS_H
#define CLOCHE_CLI_COMMANDS_H

#include "base/opt.h"

extern const struct command command_run, command_create, command_start, command_attach;
extern const struct command command_stop, command_kill, command_rm, command_wait;
extern const struct command command_pause, command_unpause, command_restart, command_rename;
extern const struct command command_recreate, command_update, command_top, command_stats,
	command_history;
extern const struct command command_container_prune, command_image_prune, command_volume_prune,
	command_system_prune, command_system_df;
extern const struct command command_completion;
extern const struct command command_cp, command_diff, command_export, command_commit;
extern const struct command command_ps, command_exec, command_logs;
extern const struct command command_inspect, command_container_inspect;
extern const struct command command_load, command_import, command_images, command_rmi, command_tag,
	command_pull, command_push, command_save, command_login, command_logout,
	command_image_inspect;
extern const struct command command_volume_create, command_volume_ls, command_volume_rm,
	command_volume_inspect;
extern const struct command command_volume_export, command_volume_import, command_volume_clone;
extern const struct command command_port, command_network_connect, command_network_disconnect;
extern const struct command command_network_create, command_network_ls, command_network_inspect,
	command_network_rm, command_network_prune, command_network_reload, command_network_doctor;
extern const struct command command_events, command_info, command_version;
extern const struct command command_system_check, command_system_reap, command_system_docs,
	command_system_restart, command_system_start, command_system_health, command_system_keeper,
	command_system_mend, command_system_renew;
extern const struct command command_system_names, command_procs, command_sockets, command_netstat,
	command_whois, command_netns_expose;
extern const struct command command_guard_enable, command_guard_disable, command_guard_status,
	command_guard_add, command_guard_log;
extern const struct command command_compat, command_outdated;
extern const struct command command_manifest_create, command_manifest_annotate,
	command_manifest_inspect, command_manifest_push, command_manifest_rm,
	command_manifest_referrers, command_search;

#endif
