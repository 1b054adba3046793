# SPDX-License-Identifier: LGPL-2.1-or-later
# A receiver of OCI runtimes' descriptors: seccomp_agent.py SOCKET. Each connection brings a state and one descriptor, of a seccomp
# filter or a pidfd. What the filter asks is answered by the path of the call: "no" in it fails with EXDEV, "fake" is 0 and not done,
# anything else goes on. One line on stdout for each thing that happened; `ready` first.
import array, fcntl, json, os, select, socket, struct, sys, threading

RECEIVE, SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV and _SEND, linux/seccomp.h
CONTINUE, EXDEV, MKDIRAT = 1, 18, {258, 34}  # x86-64; others have mkdirat alone


def path_of(pid, number, arguments):
    address = arguments[1] if number in MKDIRAT else arguments[0]
    with open("/proc/%d/mem" % pid, "rb", 0) as memory:
        return os.pread(memory.fileno(), 256, address).split(b"\0")[0].decode()


def answer(fd, state):
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while True:
        if poll.poll()[0][1] & select.POLLHUP:
            print("end", state["state"]["id"], flush=True)
            return
        question = bytearray(80)
        try:
            fcntl.ioctl(fd, RECEIVE, question)
        except OSError:
            continue
        who, pid, _, number = struct.unpack_from("QIIi", question)
        path = path_of(pid, number, struct.unpack_from("6Q", question, 32))
        error, flags = (-EXDEV, 0) if "no" in path else (0, 0) if "fake" in path else (0, CONTINUE)
        print("asked", path, flush=True)
        try:
            fcntl.ioctl(fd, SEND, bytearray(struct.pack("QqiI", who, 0, error, flags)))
        except OSError as e:
            print("gone", e, flush=True)


def take(connection):
    text, data, _, _ = connection.recvmsg(65536, socket.CMSG_LEN(4))
    fd = array.array("i", data[0][2])[0]
    if text == b"pidfd":
        with open("/proc/self/fdinfo/%d" % fd) as info:
            print("pidfd", [line.split()[1] for line in info if line.startswith("Pid:")][0], flush=True)
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.poll()
        print("ended", flush=True)
        return
    state = json.loads(text)
    print("state", state["ociVersion"], state["fds"][0], state.get("metadata"), state["pid"], state["state"]["id"],
          state["state"]["status"], flush=True)
    answer(fd, state)


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(4)
print("ready", flush=True)
while True:
    threading.Thread(target=take, args=(listener.accept()[0],), daemon=True).start()
