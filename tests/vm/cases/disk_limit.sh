# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Limits of disk space by project quota, on ext4 and XFS.
# guests: plain systemd
. tests/vm/case.bash
modprobe -a loop quota_v2 xfs
export CLOCHE_RUN_ROOT=/run/cloche-t

store() # TYPE MKFS...: a data root on a fresh file system with project quotas
{
	local type=$1 options=prjquota

	shift
	[ "$type" != xfs ] || options=pquota
	export CLOCHE_ROOT=/var/tmp/$type/lib
	mkdir -p "/var/tmp/$type" "$CLOCHE_RUN_ROOT" && chmod 0711 "$CLOCHE_RUN_ROOT" && truncate -s 400M "/var/tmp/$type.img" &&
		"$@" "/var/tmp/$type.img" && mount -o "loop,$options" "/var/tmp/$type.img" "/var/tmp/$type" && chmod 0700 "/var/tmp/$type" && mkdir -m 0700 "$CLOCHE_ROOT"
}
full() { timeout 100 cloche exec small sh -c "dd if=/dev/zero of=$1 bs=1M count=$2 2>&1" | grep -E 'No space left|quota exceeded'; }
limited()
{
	timeout 100 cloche run -d --name small --network none --storage-opt size=24m host sleep 1000 && full /root/x 40 &&
		[ ! -e "$CLOCHE_ROOT/disks/container-$(cloche inspect -f '{{.Id}}' small)" ] && cloche exec small rm /root/x &&
		cloche exec small sh -c 'dd if=/dev/zero of=/root/x bs=1M count=15' && is "$(cloche diff small | grep root/x)" "A /root/x"
}
others() { timeout 100 cloche run --rm --network none host sh -c 'dd if=/dev/zero of=/root/x bs=1M count=40'; }
volume()
{
	cloche volume create -o size=16m data && cloche rm -f small && timeout 100 cloche run -d --name small --network none -v data:/d host sleep 1000 &&
		full /d/x 30 && cloche exec small dd if=/dev/zero of=/root/x bs=1M count=30
}
gone()
{
	cloche rm -f small && cloche volume rm data && is "$(find "$CLOCHE_ROOT/disks" -type f 2>/dev/null)" "" && umount "${CLOCHE_ROOT%/lib}"
}
for type in ext4 xfs; do
	if [ $type = ext4 ]; then
		check "ext4 with project quotas" store ext4 mke2fs -q -F -t ext4 -O quota,project -E quotatype=prjquota
	else
		check "XFS with project quotas" store xfs mkfs.xfs -q
	fi
	check "$type: a container is full at its size" limited
	check "$type: others are not" others
	check "$type: a volume, whoever writes" volume
	check "$type: removal leaves nothing" gone
done
