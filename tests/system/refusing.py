#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""refusing.py ERROR COMMAND [ARG...]: run COMMAND where the kernel answers as older ones do: ERROR (EOPNOTSUPP before Linux 6.5,
EBADF before 6.13, EINVAL before 6.15) to fsconfig(2) with FSCONFIG_SET_FD for the overlay's layers. A seccomp filter does it;
children inherit it."""
import ctypes
import errno
import os
import struct
import sys

FSCONFIG, SET_FD = 431, 5
LOAD, JEQ, RET = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
NUMBER, SECOND = 0, 24  # offsets in struct seccomp_data
ALLOW, ERRNO = 0x7FFF0000, 0x00050000

code = [
    (LOAD, 0, 0, NUMBER),
    (JEQ, 0, 3, FSCONFIG),
    (LOAD, 0, 0, SECOND),
    (JEQ, 0, 1, SET_FD),
    (RET, 0, 0, ERRNO | getattr(errno, sys.argv[1])),
    (RET, 0, 0, ALLOW),
]
text = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in code))
program = struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(text))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(22, 2, ctypes.create_string_buffer(program), 0, 0) < 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])
