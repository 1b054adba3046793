# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# linux.resources.rdma with a device: one in software, on a network card that is none (rdma_rxe).
# guests: rdma
. tests/vm/case.bash
. tests/vm/far.bash
bundle_make
modules rdma rdma_rxe
cg=/sys/fs/cgroup/test/c
ip link add card type dummy
ip link set card up
rdma link add soft type rxe netdev card

limit() { up '.process.args = ["sleep", "3000"] | .linux.resources.rdma = {soft: {hcaHandles: 2, hcaObjects: 5}}' && is "$(xargs <$cg/rdma.max)" "soft hca_handle=2 hca_object=5"; }
check "a limit is read back" limit
# As many handles as the cgroup gives, a context each (IB_USER_VERBS_CMD_GET_CONTEXT of rdma/ib_user_verbs.h), for a process that opened the
# device before it came there, where the container's rules of devices are.
handles()
{
	is "$(python3 -c '
import ctypes, errno, os, struct, sys
opened = [os.open("/dev/infiniband/uverbs0", os.O_RDWR) for i in range(9)]
open(sys.argv[1] + "/cgroup.procs", "w").write("0")
out = ctypes.create_string_buffer(64)
given = 0
try:
    for fd in opened:
        os.write(fd, struct.pack("=IHHQ", 0, 4, 2, ctypes.addressof(out)))
        given += 1
except OSError as e:
    print(given, errno.errorcode[e.errno], open(sys.argv[1] + "/rdma.current").read().strip())
' $cg)" "2 EAGAIN soft hca_handle=2 hca_object=0"
}
check "and in force: what is more than it is refused" handles
down
none() { up '.process.args = ["sleep", "3000"] | .linux.resources.rdma = {soft: {hcaObjects: 7}}' && is "$(xargs <$cg/rdma.max)" "soft hca_handle=max hca_object=7" && down && [ ! -e $cg ]; }
check "what is not limited stays so" none
rdma link delete soft
ip link delete card
