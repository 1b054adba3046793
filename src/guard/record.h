/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kill guard's programs in the kernel and those outside share: keys and values of its pinned maps. Plain numbers and bytes of
 * fixed sizes: the compiler for BPF reads this too.
 *
 *	/sys/fs/bpf/cloche[-INSTANCE]/	guarded   pid namespace's inode -> struct guard_target
 *					groups    id of a cgroup of v2 -> the same, for --pid host; guarded has the key 0 then
 *					pass      program's device and inode -> engines whose containers it may signal
 *					events    array of struct guard_event; the newest overwrites the oldest
 *					written   how many were ever written
 *					bell      ring buffer that wakes who follows
 *					files     iterator: a read gives struct guard_file for each open socket of the host
 *					audit, or kill and ptrace: links of the programs
 */
#ifndef CLOCHE_GUARD_RECORD_H
#define CLOCHE_GUARD_RECORD_H

#include <linux/types.h>

#define GUARD_FOLDER "/sys/fs/bpf/cloche"

enum { GUARD_EVENTS = 1024, GUARD_NAME = 64, GUARD_COMM = 16, GUARD_TTY = 32 };

enum guard_mode { GUARD_OFF, GUARD_AUDIT, GUARD_DENY };

struct guard_target {
	__u32 mode;   /* enum guard_mode */
	__u32 engine; /* a bit: 1 << enum host_engine */
	char id[16], name[GUARD_NAME];
};

struct guard_program { /* key of pass */
	__u64 inode;
	__u32 device; /* the kernel's: major << 20 | minor */
	__u32 unused; /* 0 */
};

#define GUARD_FILES "files"
struct guard_file {
	__u64 inode;
	__u32 pid;    /* the process, in the host's first pid namespace */
	__u32 unused; /* 0 */
};

/* What `cloche-guard tcp` writes: the TCP sockets of the host. */
enum guard_tcp_kind {
	GUARD_TCP_FULL,	   /* has a struct sock */
	GUARD_TCP_WAITING, /* TIME-WAIT, or FIN-WAIT-2 without a socket */
	GUARD_TCP_ASKED,   /* a connection that is asked for: SYN-RECEIVED */
};
enum guard_tcp_flag {
	GUARD_TCP_OWN_TABLE =
		1, /* the namespace's connections are in a table of its own (tcp_child_ehash_entries), and not here */
	GUARD_TCP_KERNEL = 2, /* of no program: it does not keep its namespace alive */
};
struct guard_tcp {
	__u64 inode;		  /* 0: of no file */
	__u8 local[16], peer[16]; /* v4 in the first four */
	__u32 space;		  /* inode of the network namespace */
	__u32 uid, recv_queue, send_queue;
	__u16 local_port, peer_port;
	__u8 family, state, kind;
	__u8 flags;
};
enum { GUARD_TCP_RECORDS = 16384 };
struct guard_tcp_answer { /* between it and its program in the kernel */
	__u32 buckets;	  /* that the table has */
	__u32 count, full;
	__u32 unused;
	struct guard_tcp records[GUARD_TCP_RECORDS];
};

enum guard_what { GUARD_SIGNAL, GUARD_PTRACE };

struct guard_event {
	__u64 number;  /* 1 and on; 0: being written */
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 what, denied;
	__u32 signal;
	__u32 sender_pid, sender_uid, sender_login; /* login: 4294967295 for none */
	__u32 target_pid, target_inner_pid;
	char sender_comm[GUARD_COMM], sender_tty[GUARD_TTY], target_comm[GUARD_COMM];
	char id[16], name[GUARD_NAME];
};

#endif
