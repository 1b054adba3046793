/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What cloche-monitor and the other programs say to each other, and the files between them. Libc only.
 *
 * Files of a container, all made by the engine before the start:
 *   RUN/stdout, RUN/stderr   fifos, mode 0622 (not with a terminal)
 *   RUN/attach.sock          SOCK_STREAM, made by the monitor; peers must be uid 0 (SO_PEERCRED)
 *   RUN/monitor              "pid starttime\n" of the monitor, written by it when it serves
 *   RUN/holder               "pid starttime pty stdin pidfd\n" of the second holder: its numbers, for pidfd_getfd(2), of the
 *                            terminal's master, stdin's write end (closed when stdin has ended), init's pidfd; -1: none
 *   RUN/health-times         other times for the health check than those of the start
 *   RUN/log-sink             a log service that gets each line, too: monitor/log_sink.h
 *   RUN/log-attrs            with log=json, what each line says of the container: monitor/log_writer.h
 *   RUN/taken                empty: who made it kills the container and releases it; the monitor then leaves both to it
 *   DIR/log                  CRI text lines: "2026-11-24T12:00:00.123456789Z stdout F text\n"; DIR/log.1 is the next older
 *   DIR/exit                 exit record (struct exit_record as text), written by temp + fsync + rename; when the disk
 *                            is full, RUN/exit, until a release can move it
 * RUN is /run/cloche/<id>, DIR is /var/lib/cloche/containers/<id>.
 *
 * The monitor is exec'd by the process that cloned init, as
 *   cloche-monitor NAME ID           (so that stock ps names the container)
 * with one environment variable, CLOCHE_MONITOR, holding "key=value" words separated by blanks:
 *   run=FD dir=FD        directories, above
 *   init=PID pidfd=FD    its child
 *   client=FD            a connected stream socket of the command that waits, already attached; absent: none
 *   start=FD             pipe: EOF means that the user's command was exec'd, 8 bytes that it failed; absent on restore
 *   pty=FD               master of the terminal; absent: fifos
 *   stdin=FD             write end of the container's stdin pipe; absent: /dev/null or terminal
 *   stdout=FD stderr=FD  the fifos, open read-write since before the start (a command that runs before the monitor
 *                        opened them would die of SIGPIPE); absent on restore: the monitor opens RUN/stdout, RUN/stderr
 *   old-holder=FD        pidfd of the holder of a monitor that was killed; ended when ours has the streams
 *   ready=FD             write end of a pipe, closed when monitor and holder are both there; absent: nobody waits
 *   index=FD             state.db-shm, locked: kept open as long as the monitor is there (state/store.h, store_index_hold)
 *   holder=0|1           1: fork a sleeping second holder of fifos, master and stdin before serving
 *   fleeting=0|1        1: the container goes with its end (--rm), and its exit record does not wait for the disk
 *   started=NS           CLOCK_REALTIME of the start, for the exit record
 *   log=cri|json|none max-size=BYTES max-file=N
 *   oom=PATH             a v1 memory.oom_control or v2 memory.events file, read at the end for "oom_kill N"
 *   cleanup=PATH         program exec'd at the very end as `PATH system reap ID`, unless a client said it will do it
 *   health-first=MS health=MS health-start=MS   when `PATH system health ID` is run first, after each run, and after a run with exit
 *                        status 1; absent: never
 *                        RUN/health-times, "FIRST INTERVAL START", replaces them: it is read whenever a client connects
 *   timeout=MS           init is killed when it still runs then; absent: never
 *   wait=MS              nothing of the above: wait, then exec `PATH system restart ID`
 *   restore=0|1          1: init is not a child; wait by pidfd, take the code from PIDFD_INFO_EXIT, 255 + unknown=1 if none
 */
#ifndef CLOCHE_MONITOR_PROTOCOL_H
#define CLOCHE_MONITOR_PROTOCOL_H

#include <stdint.h>

enum { LOG_ATTRS_ROOM = 4096 }; /* bytes of RUN/log-attrs, at most */

/* Frames on attach.sock, both ways: 8-byte head, then length bytes. Lengths above 64 KiB are refused. */
enum frame_type {
	FRAME_STDIN = 0,  /* client -> monitor */
	FRAME_STDOUT = 1, /* monitor -> client; also a terminal's output */
	FRAME_STDERR = 2,
	FRAME_STDIN_END = 3, /* client -> monitor: close stdin */
	FRAME_WINSIZE = 4,   /* client -> monitor: struct frame_winsize */
	FRAME_HELLO = 5,     /* client -> monitor first: struct frame_hello */
	FRAME_STARTED = 6,   /* monitor -> client: the command was exec'd */
	FRAME_EXIT = 7,	     /* monitor -> client last: struct frame_exit, sent after all output */
	FRAME_FAILED = 8, /* monitor -> client instead of STARTED: the 8 bytes of the start pipe */
	FRAME_TAKEN =
		9, /* client -> monitor: FRAME_EXIT is here, and a client with HELLO_REAPS releases from now on */
};

struct frame_head {
	uint8_t type;
	uint8_t zero[3];
	uint32_t length; /* big endian, as Docker's stream frames */
};

struct frame_winsize {
	uint16_t rows, columns;
};

enum hello_flag {
	HELLO_STDIN = 1,  /* may send stdin */
	HELLO_OUTPUT = 2, /* wants stdout and stderr */
	HELLO_REAPS =
		4, /* this client releases the container's resources after FRAME_EXIT; the monitor execs cleanup only if
			     the client's connection breaks before it reads FRAME_EXIT */
	HELLO_STDIN_ONCE =
		8, /* when this client's stdin ends or it goes away, the container's stdin ends */
};

struct frame_hello {
	uint32_t flags;
};

struct frame_exit {
	int32_t code; /* 0..255, 128+n for a signal */
	int32_t oom;
};

/* Exit record: lines of key=value: code, signal, oom, unknown, started_ns, finished_ns (CLOCK_REALTIME). */

#endif
