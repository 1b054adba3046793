/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-transfer's commands that ask registries and keep lists of manifests: ask.h, manifest_list.h. */
#ifndef CLOCHE_TRANSFER_ASK_COMMANDS_H
#define CLOCHE_TRANSFER_ASK_COMMANDS_H

struct command;

extern const struct command transfer_command_tags, transfer_command_manifest,
	transfer_command_heads, transfer_command_search, transfer_command_referrers;
extern const struct command transfer_command_list_create, transfer_command_list_annotate,
	transfer_command_list_push, transfer_command_list_show, transfer_command_list_rm;

#endif
