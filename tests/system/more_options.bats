#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# The rarer options of `run`: volumes of other containers, parts of volumes, devices by number, time
# zone, masks, and what is accepted or refused as it is in Docker.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
}

teardown()
{
	local -a names

	remove_containers
	mapfile -t names < <(cloche volume ls -q)
	[ ${#names[@]} -eq 0 ] || cloche volume rm "${names[@]}" >/dev/null
}

@test "--volumes-from: volumes and binds of another container, at the same places" {
	mkdir here
	echo bound >here/file
	cloche create --name source --network none -v data:/data -v "$PWD/here:/here:ro" -v /anonymous --tmpfs /t box true
	cloche start -a source
	run inside --volumes-from source box sh -c 'cat /here/file; echo x >/data/x; echo y >/anonymous/y; touch /here/z; ls -d /t'
	assert_line bound
	assert_output --partial '/here/z: Read-only file system'
	assert_output --partial '/t: No such file or directory'
	run inside --volumes-from source:ro box sh -c 'cat /data/x /anonymous/y; touch /data/z'
	assert_line x
	assert_line y
	assert_output --partial '/data/z: Read-only file system'
	# what the new one says of a place wins
	run inside --volumes-from source -v other:/data box ls -A /data
	assert_output ""
	cloche create --name two --network none --volumes-from source:ro box true
	assert_equal "$(of two HostConfig.VolumesFrom)" '["source:ro"]'
	assert_equal "$(of two Mounts | jq -r '.[] | "\(.Destination) \(.RW)"' | sort | tr '\n' ' ')" \
		'/anonymous false /data false /here false '
	# in use by both: neither rm -v nor --rm takes it from the other
	cloche rm -v two
	assert_equal "$(inside --volumes-from source box cat /anonymous/y)" y
	run cloche run --network none --volumes-from no-such box true
	assert_failure 125
	assert_output --partial 'No such container: no-such'
	run cloche run --network none --volumes-from source:x box true
	assert_failure 125
	assert_output --partial "invalid volumes-from specification: 'source:x'"
}

@test "--mount type=volume: volume-subpath is within the volume, whatever links lie there" {
	inside -v data:/data box sh -c 'mkdir -p /data/deep/er; echo x >/data/deep/er/file; ln -s /etc /data/out; ln -s ../../../../../../etc /data/up'
	run inside --mount type=volume,source=data,target=/d,volume-subpath=deep/er box ls -A /d
	assert_output file
	run inside --mount type=volume,source=data,target=/f,volume-subpath=deep/er/file,readonly box sh -c 'cat /f; echo y >/f'
	assert_line x
	assert_output --partial 'Read-only'
	for path in out up no/such; do
		run inside --mount "type=volume,source=data,target=/d,volume-subpath=$path" box ls /d
		assert_failure 125
		assert_output --partial "No such file or directory"
	done
	for path in /abs ''; do
		run inside --mount "type=volume,source=data,target=/d,volume-subpath=$path" box true
		assert_failure 125
		assert_output --partial 'subpath must be a relative path within the volume'
	done
	run inside --mount "type=bind,source=/tmp,target=/d,volume-subpath=x" box true
	assert_failure 125
	run inside --mount type=volume,source=data,target=/d,volume-driver=nfs box true
	assert_failure 125
}

@test "--annotation, --label-file: recorded" {
	cloche create --name web --network none --annotation a.b=c --annotation d= box true
	assert_equal "$(of web HostConfig.Annotations)" '{"a.b":"c","d":""}'
	cloche rm web
	refused "invalid annotation 'x': not name=value" --annotation x
}

@test "--umask" {
	assert_equal "$(inside --umask 0077 box sh -c 'umask; touch /f; stat -c %a /f')" $'0077\n600'
	assert_equal "$(inside box sh -c umask)" 0022
	cloche run -d --name web --network none --umask 0 box sleep 1000
	assert_equal "$(cloche exec web sh -c umask)" 0000
	remove_containers
	refused 'not an octal mask' --umask 8
	refused 'not an octal mask' --umask 7777
}

@test "--tz" {
	[ -e /usr/share/zoneinfo/Asia/Kolkata ] || skip "this host has no time zones"
	assert_equal "$(inside --tz Asia/Kolkata host date -d @0 +%z)" +0530
	refused 'this host knows no such time zone' --tz No/Where
	refused 'this host knows no such time zone' --tz ../../../etc/passwd
	refused 'this host knows no such time zone' --tz /etc/passwd
	[ ! -e /etc/localtime ] ||
		assert_equal "$(inside --tz local host date -d @0 +%z)" "$(date -d @0 +%z)"
}

@test "--replace: the old one goes when nothing is wrong with the new one" {
	old=$(cloche run -d --name web --network none box sleep 1000)
	run cloche run -d --name web --replace --network none --cap-add nonsense box sleep 1000
	assert_failure 125
	assert_equal "$(of web Id)" "\"$old\""
	assert_equal "$(of web State.Running)" true
	run cloche run -d --name web --replace --network none box sleep 1000
	assert_success
	[ "$(of web Id)" != "\"$old\"" ]
	assert_equal "$(cloche ps -aq | wc -l)" 1
	run cloche create --name new --replace --network none box true
	assert_success
	run cloche run --replace --network none box true
	assert_failure 125
	assert_output --partial -- '--replace needs --name'
}

@test "--secret: from a file or a variable, in memory only, whose it is told" {
	echo 'from a file' >file
	run env TOKEN=hunter2-token "$CLOCHE" run --name web --network none --secret id=one,src=file \
		--secret id=two,env=TOKEN,target=/etc/token,uid=1000,gid=50,mode=0400 box sh -c \
		'cat /run/secrets/one; stat -c "%u:%g %a" /run/secrets/one /etc/token; cat /etc/token; echo x >/run/secrets/one; su alice -c "cat /etc/token"; su bob -c "cat /etc/token"; grep /etc/token /proc/self/mountinfo'
	assert_line 'from a file'
	assert_line '0:0 444'
	assert_line '1000:50 400'
	assert_equal "$(grep -o hunter2-token <<<"$output" | wc -l)" 2
	assert_output --partial 'Read-only file system'
	assert_output --partial 'Permission denied'
	assert_output --partial ' tmpfs '
	# nothing of it is on a disk of ours, nor told
	run grep -rl hunter2-token "$CLOCHE_ROOT" "$CLOCHE_RUN_ROOT" --exclude=log
	assert_output ""
	refute_output --partial hunter2
	run cloche inspect web
	refute_output --partial hunter2
	# a later start has to be given the variable again, and reads the file as it is then
	run cloche start -a web
	assert_failure 1
	assert_output --partial 'secret two: variable TOKEN is not set'
	echo changed >file
	run env TOKEN=hunter3 "$CLOCHE" start -a web
	assert_line changed
	assert_output --partial hunter3
	remove_containers
	# a pipe gives it once
	run -0 cloche run --name web --network none --secret id=one,src=<(echo from a pipe) --secret id=two,src=<(echo and another) \
		box cat /run/secrets/one /run/secrets/two
	assert_output $'from a pipe\nand another'
	run grep -rl 'from a pipe' "$CLOCHE_ROOT" "$CLOCHE_RUN_ROOT" --exclude=log
	assert_output ""
	run -1 cloche start -a web
	assert_output --regexp 'secret one: /dev/fd/[0-9]+ was a pipe, which the first start has read'
	remove_containers
	refused 'from a pipe can be read once: not with --restart always' --restart always --secret id=x,src=<(echo x)
	refused 'it needs an id that is a file name' --secret src=file
	refused 'it needs an id that is a file name' --secret id=../x,src=file
	refused 'it needs either src or env' --secret id=x
	refused 'it needs either src or env' --secret id=x,src=file,env=y
	refused "unknown key 'nonsense'" --secret id=x,src=file,nonsense=1
	refused 'variable UNSET_HERE is not set' --secret id=x,env=UNSET_HERE
	refused 'no/such' --secret id=x,src=no/such
	refused 'bad mode' --secret id=x,src=file,mode=9
}

@test "--device-cgroup-rule allows by number" {
	cloche run -d --name plain --network none box sleep 1000
	cloche run -d --name ruled --network none --device-cgroup-rule 'c 1:11 w' box sleep 1000
	for name in plain ruled; do
		pid=$(of "$name" State.Pid)
		for command in 'mount -t tmpfs x /srv' 'mknod -m 666 /srv/kmsg c 1 11'; do
			# shellcheck disable=SC2086 # words
			nsenter -t "$pid" -m /bin/busybox $command
		done
	done
	run cloche exec plain sh -c ': >/srv/kmsg'
	assert_output --partial 'Operation not permitted'
	run cloche exec ruled sh -c ': >/srv/kmsg && echo fine'
	assert_output fine
	assert_equal "$(of ruled HostConfig.DeviceCgroupRules)" '["c 1:11 w"]'
	remove_containers
	for rule in 'c 1:11' 'x 1:1 r' 'c 1 r' 'c 1:1 q' 'c a:1 r' ''; do
		refused "invalid device cgroup format '$rule'" --device-cgroup-rule "$rule"
	done
}

@test "--device VENDOR/CLASS=NAME: nodes, mounts, variables and groups of a CDI file" {
	mkdir -p cdi over tools
	echo tool >tools/file
	cat >cdi/vendor.json <<-END
		{ "cdiVersion": "0.6.0", "kind": "vendor.example/widget",
		  "containerEdits": { "env": ["ALL=yes"] },
		  "devices": [
		    { "name": "one", "containerEdits": {
		      "env": ["WIDGET=one"], "additionalGids": [4242],
		      "deviceNodes": [{ "path": "/dev/widget", "hostPath": "/dev/kmsg", "permissions": "w", "fileMode": 416, "gid": 29 }],
		      "mounts": [{ "hostPath": "$PWD/tools", "containerPath": "/opt/tools", "options": ["ro", "nosuid", "bind"] }] } },
		    { "name": "two", "containerEdits": { "env": ["WIDGET=two"] } },
		    { "name": "cached", "containerEdits": { "intelRdt": { "closID": "x" } } } ] }
	END
	export CLOCHE_CDI_DIRS=$PWD/cdi:$PWD/over
	run inside --device vendor.example/widget=one box sh -c 'ls -ln /dev/widget; : >/dev/widget && echo written; cat /opt/tools/file; (echo x >/opt/tools/file) 2>&1; echo $ALL $WIDGET; id -G'
	assert_output --regexp '^crw-r----- .* 0 +29 +1, +11 '
	assert_line written
	assert_line tool
	assert_output --partial 'Read-only file system'
	assert_line 'yes one'
	assert_output --partial 4242
	# a later folder wins
	sed 's/WIDGET=two/WIDGET=over/' cdi/vendor.json >over/vendor.json
	assert_equal "$(inside --device vendor.example/widget=two box sh -c 'echo $WIDGET')" over
	cloche create --name web --network none --device vendor.example/widget=two box true
	assert_equal "$(of web HostConfig.DeviceRequests | jq -c '.[0] | .Driver, .DeviceIDs')" $'"cdi"\n["vendor.example/widget=two"]'
	cloche rm web
	refused 'unresolvable CDI devices vendor.example/widget=three' --device vendor.example/widget=three
	refused 'asks for intelRdt, which is not possible yet' --device vendor.example/widget=cached
	refused 'unresolvable CDI devices nvidia.com/gpu=all' --gpus all
	refused 'not all, a number or device=ID' --gpus some
	echo '{' >over/broken.json
	refused 'CDI file broken.json: line' --device vendor.example/widget=one
	rm over/broken.json
	sed 's/vendor.example.widget/nvidia.com\/gpu/; s/"two"/"all"/; s/"one"/"0"/' cdi/vendor.json >cdi/gpu.json
	assert_equal "$(inside --gpus all box sh -c 'echo $WIDGET')" two
	assert_equal "$(inside --gpus '"device=0"' box sh -c 'echo $WIDGET')" one
}

@test "--cgroup-parent" {
	id=$(cloche run -d --name web --network none --cgroup-parent "/cloche-test-$$/deep/" box sleep 1000)
	pid=$(of web State.Pid)
	grep -q ":/cloche-test-$$/deep/cloche[^/]*/web-${id:0:12}$" "/proc/$pid/cgroup"
	# these two no one mounts here, but oci_spec.bats for a moment, in a mount namespace of its own
	run grep -vE "cloche-test-$$/deep|:net_(cls|prio):/$" "/proc/$pid/cgroup"
	assert_output ""
	assert_equal "$(of web HostConfig.CgroupParent)" "\"/cloche-test-$$/deep\""
	cloche stop -t 0 web
	cloche rm web
	assert_equal "$(find /sys/fs/cgroup -type d -name "web-${id:0:12}" | wc -l)" 0
	find /sys/fs/cgroup -depth -type d -path "*/cloche-test-$$*" -exec rmdir {} \;
	refused 'not an absolute path' --cgroup-parent x
	refused '. and .. lead elsewhere' --cgroup-parent /a/../b
}

@test "--log-driver and --log-opt: forms, inspect, what is refused" {
	cloche create --name web --network none --log-driver json-file --log-opt max-size=1m --log-opt max-file=2 --log-opt mode=blocking box true
	assert_equal "$(of web HostConfig.LogConfig)" '{"Type":"json-file","Config":{"max-file":"2","max-size":"1m","mode":"blocking"}}'
	cloche rm web
	cloche run --name web --network none --log-driver json-file box sh -c 'echo line'
	assert_equal "$(jq -r .log "$(of web LogPath | tr -d '"')")" line
	cloche rm web
	cloche run --name web --network none --log-driver none box sh -c 'echo line'
	assert_equal "$(of web LogPath)" '""'
	run cloche logs web
	refute_output --partial line
	cloche rm web
	refused 'no such log driver' --log-driver nonsense
	refused "unknown log opt 'nonsense' for local log driver" --log-opt nonsense=1
	refused "invalid value 'x' for log opt max-size" --log-opt max-size=x
	refused 'invalid logging option: x' --log-opt x
}

# shellcheck disable=SC2329 # by until_true
orphaned() { cloche start orphan && kill -9 "$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$1/monitor")"; }

@test "--timeout kills a container that runs longer, also when its monitor was killed meanwhile" {
	run cloche run --network none --name long --timeout 1 box sleep 600
	assert_failure 137
	assert_equal "$(inside --timeout 600 box echo short)" short
	cloche create --network none --name orphan --timeout 3 box sleep 600
	until_true 20 orphaned "$(of orphan Id | tr -d '"')" # if its time was over before we came, once more
	cloche ps >/dev/null # restores the monitor
	assert_equal "$(cloche wait orphan)" 137
	cloche rm long orphan
	refused 'not a number of seconds' --timeout soon
}

@test "--requires starts what is needed first, and waits for its health" {
	cloche create --name base --network none box sleep 600
	cloche create --name db --network none --requires base --health-cmd 'test -e /tmp/up' --health-interval 100ms --health-retries 200 \
		box sh -c 'sleep 0.5; touch /tmp/up; sleep 600'
	cloche run -d --name web --network none --requires db:healthy box sleep 600
	assert_equal "$(cloche ps --format '{{.Names}}' | sort | tr '\n' ' ')" "base db web "
	assert_equal "$(cloche inspect -f '{{.State.Health.Status}}' db)" healthy
	cloche stop -t 0 base
	cloche restart -t 0 web
	assert_equal "$(cloche inspect -f '{{.State.Running}}' base)" false # db runs already, and its own needs are its own
	run cloche create --network none --requires base:healthy box true
	assert_failure 125
	assert_output --partial 'container base has no health check'
	cloche rm -f db
	run cloche restart -t 0 web
	assert_failure
	assert_output --partial 'that it requires was removed'
	cloche rm -f base web
	refused 'No such container: nobody' --requires nobody
}

@test "--userns auto is the default; keep-id gives the process its user's number, and the files too" {
	assert_equal "$(inside --userns auto box id -u)" 0
	mkdir mine
	chown 4711:4711 mine
	assert_equal "$(SUDO_UID=4711 inside --userns keep-id -v "$PWD/mine:/mine" box sh -c 'id -u; echo x >/mine/file')" 4711
	assert_equal "$(stat -c %u mine/file)" 4711
	assert_equal "$(SUDO_UID=4711 inside --userns keep-id --user 7 box id -u)" 7
	SUDO_UID=70000 refused 'is outside of the 65536 numbers' --userns keep-id
	refused 'its options are not possible here' --userns auto:size=5
}

@test "update --device-add and --device-rm: at once in a container that runs, and at its next start" {
	skip_unless_cgroup devices
	cloche run -d --name web --network none box sleep 600
	cloche update --device-add /dev/full:/dev/more web
	run cloche exec web sh -c 'echo x >/dev/more'
	assert_output --partial 'No space left on device'
	assert_equal "$(of web HostConfig.Devices)" '[{"PathOnHost":"/dev/full","PathInContainer":"/dev/more","CgroupPermissions":"rw"}]'
	cloche restart -t 0 web
	run cloche exec web sh -c 'echo x >/dev/more'
	assert_output --partial 'No space left on device'
	cloche update --device-rm /dev/more web
	run cloche exec web sh -c 'test -c /dev/more'
	assert_failure
	run cloche update --device-rm /dev/more web
	assert_failure 1
	assert_output --partial 'has no device there'
}

@test "--register is refused where no systemd runs, with the reason, and leaves nothing" {
	[ ! -d /run/systemd/system ] || skip "systemd runs here; tests/vm/cases/machine.sh is for it"
	run -125 cloche run --name machine --register --network none host true
	assert_output --partial "--register: systemd does not run on this host, so that there is no machined to tell; leave it out"
	run -1 cloche inspect machine
}

@test "--platform: an image of it, or none" {
	local own

	own=$(cloche image inspect -f '{{.Os}}/{{.Architecture}}' box)
	assert_equal "$(inside --platform "$own" box echo well)" well
	refused 'does not provide the specified platform (linux/riscv64)' --pull never --platform linux/riscv64
	refused 'does not provide the specified platform (windows)' --pull never --platform windows
}

@test "--cgroupns host shows the host's folders, read-only" {
	run inside --cgroupns host box sh -c 'cat /proc/self/cgroup; mkdir /sys/fs/cgroup/x /sys/fs/cgroup/*/x'
	assert_output --partial '/cloche'
	refute_output --regexp '^mkdir: created'
	[ "$(grep -c 'Read-only file system' <<<"$output")" -ge 1 ]
	assert_equal "$(inside box sh -c 'grep -c cloche /proc/self/cgroup')" 0
	refused 'invalid mode: nonsense' --cgroupns nonsense
}

# A block device of this host, as the kernel numbers it.
disk()
{
	DISK=$(find /dev -maxdepth 1 -type b | sort | head -1)
	[ -n "$DISK" ] || skip "this host has no block device"
	NUMBERS=$(stat -c '%Hr:%Lr' "$DISK" 2>/dev/null)
}

@test "--device-read-bps and its kin" {
	skip_unless_cgroup blkio
	disk
	set -- --device-read-bps "$DISK:1mb" --device-write-bps "$DISK:2097152" --device-read-iops "$DISK:100" --device-write-iops "$DISK:200"
	if [ -d /sys/fs/cgroup/blkio ]; then
		run inside "$@" box sh -c 'cd /sys/fs/cgroup/blkio && cat blkio.throttle.read_bps_device blkio.throttle.write_bps_device blkio.throttle.read_iops_device blkio.throttle.write_iops_device'
		assert_equal "$output" "$(printf '%s\n' "$NUMBERS 1048576" "$NUMBERS 2097152" "$NUMBERS 100" "$NUMBERS 200")"
	else
		run inside "$@" box cat /sys/fs/cgroup/io.max
		assert_output "$NUMBERS rbps=1048576 wbps=2097152 riops=100 wiops=200"
	fi
	cloche create --name web --network none "$@" box true
	assert_equal "$(of web HostConfig.BlkioDeviceReadBps)$(of web HostConfig.BlkioDeviceWriteIOps)" \
		"[{\"Path\":\"$DISK\",\"Rate\":1048576}][{\"Path\":\"$DISK\",\"Rate\":200}]"
	cloche rm web
	refused 'bad format for device path: x:1' --device-read-bps x:1
	refused 'invalid rate for device' --device-read-bps "$DISK:x"
	refused 'invalid rate for device' --device-write-iops "$DISK:1mb"
	refused 'is not a block device' --device-read-iops /dev/null:1
	refused 'No such file' --device-read-iops /dev/no-such:1
}

@test "--blkio-weight is set where the kernel has weights, else refused with the reason" {
	skip_unless_cgroup blkio
	disk
	# which of the two it is depends on the scheduler of its block devices
	run inside --blkio-weight 300 box sh -c 'cat /sys/fs/cgroup/blkio/blkio*.weight /sys/fs/cgroup/io*.weight 2>/dev/null; :'
	if [ "$status" -eq 0 ]; then
		assert_output --regexp '300|2930'
	else
		assert_failure 125
		assert_output --regexp 'limit (blkio|io).weight: this kernel has no (blkio|io).weight'
		assert_equal "$(cloche ps -aq)" ""
	fi
	refused 'Range of blkio weight is from 10 to 1000' --blkio-weight 5
	refused 'Range of blkio weight is from 10 to 1000' --blkio-weight-device "$DISK:2000"
	refused 'not a number' --blkio-weight x
}

@test "--oom-kill-disable" {
	if [ -e /sys/fs/cgroup/memory/memory.oom_control ]; then
		run inside -m 64m --oom-kill-disable box cat /sys/fs/cgroup/memory/memory.oom_control
		assert_line 'oom_kill_disable 1'
		run inside -m 64m box cat /sys/fs/cgroup/memory/memory.oom_control
		assert_line 'oom_kill_disable 0'
		run --separate-stderr inside --oom-kill-disable box true
		[[ $stderr == *'without a limit of memory can stop the host itself'* ]]
	else
		refused 'have no such switch' --oom-kill-disable
	fi
}

@test "--cpu-shares and its kin reach inspect under Docker's names" {
	cloche create --name web --network none -c 512 --cpu-quota 20000 --cpu-period 40000 --cpuset-mems 0 \
		-m 64m --memory-reservation 32m --oom-score-adj 5 --pids-limit 7 box true
	assert_equal "$(of web HostConfig | jq -c '[.CpuShares, .CpuQuota, .CpuPeriod, .CpusetMems, .MemoryReservation, .MemorySwap, .OomScoreAdj, .PidsLimit]')" \
		'[512,20000,40000,"0",33554432,134217728,5,7]'
}

@test "options with one value here: that one is accepted, another is refused with the reason" {
	for option in --isolation=default --runtime=cloche --volume-driver=local; do
		run --separate-stderr inside "$option" box true
		assert_success
		assert_equal "$stderr" ""
	done
	refused "--isolation hyperv: the kernel's namespaces are the only isolation here" --isolation hyperv
	refused 'unknown or invalid runtime name: kata' --runtime kata
	refused '--volume-driver nfs: volumes are local' --volume-driver nfs
	run --separate-stderr inside --kernel-memory 50m --disable-content-trust box true
	assert_success
	[[ $stderr == *'--kernel-memory is ignored'*'--disable-content-trust is ignored'* ]]
}

@test "every option of Docker's other commands is here, or docs/docker-differences.md has it beside the command" {
	local command option options help found=''

	skip_unless_program docker
	for command in attach commit cp diff events exec export history images import info inspect kill load login logout logs pause port ps pull \
		push rename restart rm rmi save search start stats stop tag top unpause update version wait 'image inspect' 'container inspect' \
		'container prune' 'image prune' 'network connect' 'network create' 'network disconnect' 'network inspect' 'network ls' 'network prune' \
		'network rm' 'volume create' 'volume inspect' 'volume ls' 'volume prune' 'volume rm' 'system df' 'system prune' 'manifest annotate' \
		'manifest create' 'manifest inspect' 'manifest push'; do
		# shellcheck disable=SC2086 # one or two words
		options=$(docker $command --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' || :)
		# shellcheck disable=SC2086
		help=$(cloche $command --help)
		for option in $options; do
			grep -qE -- "$option( |$)" <<<"$help" || grep -E "^\|.*\`${command%% *}| ${command##* }\`" "$SOURCE_DIR/docs/docker-differences.md" |
				grep -qF -- "\`$option\`" || found+="$command $option, "
		done
	done
	assert_equal "$found" ""
}

@test "every option of Docker's run is here, or docs/docker-differences.md has its reason" {
	skip_unless_program docker
	run cloche run --help
	help=$output
	for option in $(docker run --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'); do
		grep -qE -- "$option( |$)" <<<"$help" || grep -qF -- "\`$option\`" "$SOURCE_DIR/docs/docker-differences.md" ||
			fail "$option"
		# known to the parser in any case
		run cloche run "$option"
		refute_output --partial 'unknown flag'
	done
}
