#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# The options of `run` and `create`: what each does inside the container, what `inspect` says of it,
# and how bad values are refused.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
}

teardown() { remove_containers; }

# --- start --------------------------------------------------------------------------------------

@test "run prints what the command prints, on the stream where it prints it" {
	run --separate-stderr inside box sh -c 'echo out; echo err >&2'
	assert_success
	assert_equal "$output" out
	assert_equal "$stderr" err
}

@test "-d prints the id, and the container runs on" {
	run --separate-stderr cloche run -d --network none --name web box sleep 1000
	assert_success
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	assert_equal "$(of "$output" State.Status)" '"running"'
	assert_equal "$(of web Id)" "\"$output\""
	[ -d "/proc/$(of web State.Pid)" ]
	assert_equal "$(cloche ps -q --no-trunc)" "$output"
	assert_equal "$(of web Config.AttachStdout)" false
}

@test "--rm removes the container and its anonymous volumes, at whatever exit" {
	run cloche run --rm --network none -v /data box sh -c 'exit 3'
	assert_failure 3
	assert_equal "$(cloche ps -aq)" ""
	assert_equal "$(cloche volume ls -q)" ""
	run cloche run -d --rm --network none --name short box true
	assert_success
	until_true 20 sh -c '[ -z "$("$CLOCHE" ps -aq)" ]'
	run cloche run --rm --network none -v /data box no-such-command
	assert_failure 127
	assert_equal "$(cloche ps -aq)" ""
	assert_equal "$(cloche volume ls -q)" ""
}

@test "-i gives stdin, without it stdin is empty" {
	run sh -c 'echo input | "$CLOCHE" run -i --rm --network none box cat'
	assert_output input
	run sh -c 'echo input | "$CLOCHE" run --rm --network none box cat'
	assert_success
	assert_output ""
}

@test "-t gives a terminal, -a chooses the streams" {
	run inside -t box sh -c 'tty; test -t 1 && test -t 2 && echo terminal; echo $TERM'
	assert_success
	assert_output --partial /dev/pts/0
	assert_output --partial terminal
	assert_output --partial xterm
	run --separate-stderr inside -a stdout box sh -c 'echo out; echo err >&2'
	assert_equal "$output" out
	assert_equal "$stderr" ""
	run --separate-stderr inside -a stderr box sh -c 'echo out; echo err >&2'
	assert_equal "$output" ""
	assert_equal "$stderr" err
	refused 'valid streams are STDIN, STDOUT and STDERR' -a nonsense
	run cloche run -d -a stdout box true
	assert_failure 1
	assert_output --partial 'conflicting options: cannot specify both --attach and --detach'
}

@test "--name names it, once" {
	cloche create --name web --network none box true
	assert_equal "$(cloche ps -a --format '{{.Names}}')" web
	id=$(cloche ps -aq --no-trunc)
	for verb in run create; do
		run cloche "$verb" --name web --network none box true
		assert_failure "$([ "$verb" = run ] && echo 125 || echo 1)"
		assert_output --partial "Conflict. The container name \"/web\" is already in use by container \"$id\". You have to remove (or rename) that container to be able to reuse that name."
	done
	assert_equal "$(cloche ps -aq | wc -l)" 1
	cloche rm web
	refused 'Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed' --name=-x
	refused 'Invalid container name (a/b)' --name a/b
}

@test "a container without a name gets a pleasant one, never twice the same" {
	for _ in 1 2 3 4 5; do
		cloche create --network none box true >/dev/null
	done
	run cloche ps -a --format '{{.Names}}'
	assert_equal "${#lines[@]}" 5
	for name in "${lines[@]}"; do
		[[ $name =~ ^[a-z]+_[a-z]+[0-9]*$ ]] || fail "$name"
	done
	assert_equal "$(printf '%s\n' "${lines[@]}" | sort -u | wc -l)" 5
}

@test "--cidfile has the id, and an older one is refused" {
	cloche create --cidfile cid --network none box true >printed
	assert_equal "$(cat cid)" "$(cat printed)"
	run cloche run --cidfile cid --network none box true
	assert_failure 125
	assert_output --partial "container ID file found, make sure the other container isn't running or delete cid"
	assert_equal "$(cloche ps -aq | wc -l)" 1
	cloche rm "$(cat cid)"
	refused 'failed to create the container ID file' --cidfile no/such/folder/cid
}

@test "--label and -l, with and without a value; --label-file" {
	printf '%s\n' '# comment' from.file=yes alone >labels
	cloche create --name web --network none -l a=1 --label b=x=y --label c --label-file labels box true
	assert_equal "$(of web Config.Labels | jq -cS .)" '{"a":"1","alone":"","b":"x=y","c":"","from.file":"yes"}'
	assert_equal "$(cloche ps -aq -f label=a=1 | wc -l)" 1
	assert_equal "$(cloche ps -aq -f label=a=2 | wc -l)" 0
	cloche rm web
	refused 'invalid label' --label =value
	refused 'no/such/file' --label-file no/such/file
}

@test "--restart no is the default; other policies are done or refused, never ignored" {
	cloche create --name web --network none --restart no box true
	assert_equal "$(of web HostConfig.RestartPolicy.Name)" '"no"'
	cloche rm web
	refused 'cannot specify both --restart and --rm' --restart always --rm
}

@test "an unknown option is a usage error" {
	run cloche run --no-such-option box true
	assert_failure 125
	assert_output --partial no-such-option
	run cloche run -m
	assert_failure 125
	run cloche run
	assert_failure 1
	assert_output --partial 'requires at least 1 argument'
}

@test "options end at the image: what follows is the command's" {
	run inside box echo -d --rm -- --name x
	assert_success
	assert_output '-d --rm -- --name x'
}

@test "an unknown image is refused" {
	run cloche run --pull never --network none no-such-image true
	assert_failure 125
	assert_output --partial 'No such image: no-such-image'
	run cloche create --pull never no-such-image true
	assert_failure 1
	assert_output --partial 'No such image: no-such-image'
	run cloche create --pull never --memory 1 host true
	assert_failure 125
	assert_equal "$(cloche ps -aq)" ""
	run cloche run --network none UPPER true
	assert_failure 125
	assert_output --partial 'must be lowercase'
}

# --- exit codes ---------------------------------------------------------------------------------

@test "exit codes: the command's own, 128+n, 126, 127" {
	for code in 0 1 42 125 126 127 255; do
		run inside box sh -c "exit $code"
		assert_equal "$status" "$code"
	done
	for signal in TERM:143 KILL:137 SEGV:139 INT:130; do
		run inside --init host sh -c "kill -${signal%:*} \$\$"
		assert_equal "$status" "${signal#*:}"
	done
	run inside box no-such-command
	assert_failure 127
	assert_output --partial 'exec: "no-such-command": executable file not found in $PATH'
	run inside box /no/such/file
	assert_failure 127
	assert_output --partial 'exec: "/no/such/file": no such file or directory'
	run inside box no-interpreter
	assert_failure 127
	for command in /etc no-right /etc/passwd; do
		run inside box "$command"
		assert_failure 126
		assert_output --partial "exec: \"$command\": permission denied"
	done
	run inside box no-format
	assert_failure 126
	assert_output --partial 'exec format error'
}

@test "a start that fails leaves the created container, with the reason in inspect" {
	run cloche run --name web --network none box no-such-command
	assert_failure 127
	assert_equal "$(of web State.Status)" '"created"'
	assert_equal "$(of web State.ExitCode)" 127
	[[ $(of web State.Error) == *'executable file not found'* ]]
	run cloche start web
	assert_failure 1
	assert_output --partial 'executable file not found'
	run cloche start -a web
	assert_failure 127
}

# --- process ------------------------------------------------------------------------------------

@test "-e, --env-file: order, inheritance, comments" {
	printf '%s\n' '# no' '' A=file B=file '  C=indented' 'D=with space and = sign' FROM_HERE >vars
	FROM_HERE=here run inside -e A=flag -e E= -e FROM_HERE --env UNSET_HERE --env-file vars box env
	assert_success
	assert_line A=flag
	assert_line B=file
	assert_line C=indented
	assert_line 'D=with space and = sign'
	assert_line E=
	assert_line FROM_HERE=here
	refute_output --partial UNSET_HERE
	assert_line HOME=/root
	assert_line PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	assert_equal "$(printf '%s\n' "${lines[@]}" | cut -d= -f1 | sort | tr '\n' ' ')" \
		'A B C D E FROM_HERE HOME HOSTNAME PATH '
	run inside -e PATH=/bin -e HOME=/h -e HOSTNAME=own box env
	assert_line PATH=/bin
	assert_line HOME=/h
	assert_line HOSTNAME=own
	printf 'bad name=x\n' >vars
	refused "variable 'bad name" --env-file vars
	refused 'no/such/file' --env-file no/such/file
	refused 'invalid environment variable: =x' -e =x
	run cloche run --rm --network none --env-file <(echo FROM=pipe) --label-file <(echo l=m) box sh -c 'echo $FROM'
	assert_output pipe
}

@test "-w: the folder, made when missing; a relative one is refused" {
	assert_equal "$(inside -w /srv/data box pwd)" /srv/data
	assert_equal "$(inside -w /new/deep/folder box sh -c 'pwd; ls -ld /new/deep/folder | cut -c 1-10')" $'/new/deep/folder\ndrwxr-xr-x'
	run inside -w /etc/passwd box pwd
	assert_failure
	refused "the working directory 'rel' is invalid, it needs to be an absolute path" -w rel
}

@test "--entrypoint replaces the image's, and its command with it" {
	BOX_NAME=entry make_box 'ENTRYPOINT ["/bin/echo","entry"]' 'CMD ["cmd"]'
	assert_equal "$(inside entry)" 'entry cmd'
	assert_equal "$(inside entry a b)" 'entry a b'
	assert_equal "$(inside --entrypoint /bin/echo entry a)" a
	assert_equal "$(inside --entrypoint /bin/echo entry)" ''
	assert_equal "$(inside --entrypoint '' entry /bin/echo plain)" plain
	run inside --entrypoint '' entry
	assert_failure 125
	assert_output --partial 'no command specified'
	run cloche run --network none box
	assert_failure 125
	assert_output --partial 'no command specified'
	cloche create --name web --network none entry x
	assert_equal "$(of web Config.Entrypoint)$(of web Config.Cmd)$(of web Path)$(of web Args)" \
		'["/bin/echo","entry"]["x"]"/bin/echo"["entry","x"]'
}

@test "the image's configuration holds where no option says otherwise" {
	BOX_NAME=config make_box 'ENV A=image' 'WORKDIR /srv' 'USER alice' 'LABEL from=image' 'STOPSIGNAL SIGUSR1' \
		'CMD ["sh","-c","echo $A; pwd; id -un"]'
	run inside config
	assert_output $'image\n/srv\nalice'
	run inside -e A=flag -w / -u 0 config
	assert_output $'flag\n/\nroot'
	cloche create --name web --network none -l from=flag config
	assert_equal "$(of web Config.Labels.from)$(of web Config.StopSignal)" '"flag""SIGUSR1"'
}

@test "-h, --domainname: host name, /etc/hostname and /etc/hosts" {
	run inside -h myhost --domainname example.test box sh -c 'hostname; cat /etc/hostname; grep -c myhost /etc/hosts; cat /proc/sys/kernel/domainname; echo $HOSTNAME'
	assert_output $'myhost\nmyhost\n1\nexample.test\nmyhost'
	id=$(cloche create --network none box true)
	assert_equal "$(of "$id" Config.Hostname)" "\"${id:0:12}\""
	cloche rm "$id"
	assert_equal "$(hostname)" "$(cat /proc/sys/kernel/hostname)"
	refused 'invalid hostname' -h 'bad name'
	refused 'invalid hostname' -h "$(printf 'x%.0s' {1..64})"
	refused 'invalid hostname' -h ''
}

@test "--init puts a reaper of ours at pid 1, which reaps and passes signals on" {
	skip_if_sanitized # the reaper is not static then, and this image has no libraries
	run inside --init box sh -c 'echo $$; cat /proc/1/comm'
	assert_output $'2\ncloche-init'
	run inside box sh -c 'echo $$'
	assert_output 1
	# an orphan's orphan does not stay a zombie
	run inside --init box sh -c '(sleep 0.1 & ) ; sleep 0.4; n=0
		while grep -q "^State:.Z" /proc/[0-9]*/status && [ $n -lt 300 ]; do n=$((n + 1)); sleep 0.1; done # just now, or for ever
		[ $n -lt 300 ] && echo reaped'
	assert_output reaped
	run inside --init box sh -c 'exit 9'
	assert_failure 9
	id=$(cloche run -d --init --network none box sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done')
	until_true 20 sh -c "\"\$CLOCHE\" logs $id | grep -q ready"
	cloche stop -t 20 "$id"
	assert_equal "$(of "$id" State.ExitCode)" 5
}

@test "--stop-signal and --stop-timeout are what stop uses" {
	id=$(cloche run -d --network none --stop-signal USR1 box sh -c 'trap "exit 7" USR1; echo ready; while :; do sleep 0.05; done')
	until_true 20 sh -c "\"\$CLOCHE\" logs $id | grep -q ready"
	cloche stop "$id"
	assert_equal "$(of "$id" State.ExitCode)" 7
	# the option, not the setting, by which this would take an hour
	id=$(CLOCHE_STOP_TIMEOUT=3600 cloche run -d --network none --stop-timeout 0 box sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done')
	until_true 20 sh -c "\"\$CLOCHE\" logs $id | grep -q ready"
	CLOCHE_STOP_TIMEOUT=3600 timeout 300 "$CLOCHE" stop "$id"
	assert_equal "$(of "$id" State.ExitCode)" 137
	remove_containers
	refused 'invalid signal: NONSENSE' --stop-signal NONSENSE
	refused 'invalid argument "x" for "--stop-timeout"' --stop-timeout x
}

@test "--ulimit: soft and hard, by name; more than the host has is refused" {
	run inside --ulimit nofile=100:200 --ulimit core=0 --ulimit cpu=30 box sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -t'
	assert_output $'100\n200\n0\n30'
	run inside --ulimit nofile=50 box sh -c 'ulimit -Sn; ulimit -Hn'
	assert_output $'50\n50'
	cloche create --name web --network none --ulimit nofile=100:200 box true
	assert_equal "$(of web HostConfig.Ulimits)" '[{"Name":"nofile","Hard":200,"Soft":100}]'
	cloche rm web
	refused 'invalid argument "nofile=200:100" for "--ulimit" flag: ulimit soft limit must be less than or equal to hard limit' --ulimit nofile=200:100
	refused 'invalid ulimit type: nonsense' --ulimit nonsense=1
	refused 'invalid ulimit argument: nofile' --ulimit nofile
	refused 'invalid ulimit argument: nofile=x' --ulimit nofile=x
}

@test "--sysctl: of the container's own namespaces only" {
	run inside --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=12345 --sysctl net/ipv4/tcp_syncookies=0 \
		box cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax /proc/sys/net/ipv4/tcp_syncookies
	assert_output $'1\n12345\n0'
	refused "sysctl 'kernel.panic' is not allowed" --sysctl kernel.panic=1
	refused "sysctl 'vm.swappiness' is not allowed" --sysctl vm.swappiness=1
	refused "sysctl 'net.ipv4.ip_forward' is not allowed" --network host --sysctl net.ipv4.ip_forward=1
	refused "sysctl 'kernel.shmmax' is not allowed" --ipc host --sysctl kernel.shmmax=1
	refused 'is not allowed' --sysctl net/../kernel/panic=1
	refused 'not name=value' --sysctl net.ipv4.ip_forward
	refused 'bad value' --sysctl $'net.ipv4.ip_forward=1\n0'
}

# --- rights -------------------------------------------------------------------------------------

# caps OPTION...: the effective set inside, as bits.
caps() { inside "$@" box awk '$1 == "CapEff:" { print $2 }' /proc/self/status; }

@test "--cap-add, --cap-drop" {
	assert_equal "$(caps)" 00000000800405fb
	assert_equal "$(caps --cap-drop ALL)" 0000000000000000
	assert_equal "$(caps --cap-drop all --cap-add CHOWN)" 0000000000000001
	assert_equal "$(caps --cap-drop=CAP_CHOWN)" 00000000800405fa
	assert_equal "$(caps --cap-add NET_RAW)" 00000000800425fb
	assert_equal "$(caps --cap-add cap_sys_time)" 00000000820405fb
	[ "$((0x$(caps --cap-add ALL) & 0x100000ffff))" -eq "$((0x100000ffff))" ]
	refused 'invalid CapAdd: unknown capability: "CAP_NONSENSE"' --cap-add nonsense
	refused 'invalid CapDrop: unknown capability: "CAP_NONSENSE"' --cap-drop nonsense
	cloche create --name web --network none --cap-add NET_RAW --cap-drop CHOWN box true
	assert_equal "$(of web HostConfig.CapAdd)$(of web HostConfig.CapDrop)" '["CAP_NET_RAW"]["CAP_CHOWN"]'
}

@test "a user other than root has no capabilities" {
	assert_equal "$(caps -u 1000)" 0000000000000000
	assert_equal "$(caps -u alice --cap-add NET_RAW)" 0000000000000000
}

@test "--security-opt no-new-privileges, seccomp=, systempaths=" {
	assert_equal "$(inside box awk '$1 == "NoNewPrivs:" || $1 == "Seccomp:" { print $2 }' /proc/self/status)" $'0\n2'
	assert_equal "$(inside --security-opt no-new-privileges box awk '$1 == "NoNewPrivs:" || $1 == "Seccomp:" { print $2 }' /proc/self/status)" $'1\n2'
	assert_equal "$(inside --security-opt no-new-privileges:true --security-opt seccomp=unconfined box awk '$1 == "NoNewPrivs:" || $1 == "Seccomp:" { print $2 }' /proc/self/status)" $'1\n0'
	assert_equal "$(inside --security-opt no-new-privileges=false box awk '$1 == "NoNewPrivs:" { print $2 }' /proc/self/status)" 0
	printf '%s\n' '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [ { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95 } ] }' >profile.json
	run inside --security-opt seccomp=profile.json box mkdir /tmp/x
	assert_failure
	assert_output --partial 'not supported'
	assert_equal "$(inside --security-opt systempaths=unconfined box sh -c 'grep -c " /proc/sys " /proc/self/mountinfo')" 0
	refused 'invalid --security-opt: "nonsense"' --security-opt nonsense
	refused 'invalid --security-opt' --security-opt no-new-privileges=maybe
	refused 'opening seccomp profile (no/such/file) failed' --security-opt seccomp=no/such/file
	echo '{' >profile.json
	run cloche run --rm --network none --security-opt seccomp=profile.json box true
	assert_failure 125
	assert_equal "$(cloche ps -aq)" ""
}

@test "--device: a node of the container's own, rights by the device cgroup" {
	run inside box sh -c 'ls /dev/net/tun /dev/kmsg 2>&1'
	assert_failure
	run inside --device /dev/kmsg box ls -l /dev/kmsg
	assert_success
	assert_output --regexp '^crw.* root +root +1, +11 '
	run inside --device /dev/kmsg:/dev/other/log:w box sh -c '(: >/dev/other/log) && echo written; : <>/dev/other/log'
	assert_output --partial written
	assert_output --partial "can't create /dev/other/log: Operation not permitted"
	run inside --device /dev/kmsg:r box sh -c ': >/dev/kmsg'
	assert_output --partial "can't create /dev/kmsg: Operation not permitted"
	[ "$(stat -c %u:%g /dev/kmsg)" = 0:0 ]
	cloche create --name web --network none --device /dev/zero:/dev/nul:r box true
	assert_equal "$(of web HostConfig.Devices)" '[{"PathOnHost":"/dev/zero","PathInContainer":"/dev/nul","CgroupPermissions":"r"}]'
	cloche rm web
	refused 'invalid device mode: rx' --device /dev/zero:/dev/zero:rx
	refused 'error gathering device information while adding custom device "/dev/no-such"' --device /dev/no-such
	refused 'not a device node' --device /etc/passwd
	refused 'is not an absolute path' --device dev/zero
	refused 'invalid device specification' --device /dev/zero:/a:r:w
}

@test "--privileged has all devices and capabilities, nothing masked, and says what it is" {
	run --separate-stderr inside --privileged box sh -c 'awk "\$1 == \"CapEff:\" || \$1 == \"Seccomp:\" { print \$2 }" /proc/self/status; cat /proc/self/uid_map; ls /dev/kmsg; grep -c " /proc/[a-z/]* " /proc/self/mountinfo; mount -t tmpfs x /tmp && echo mounted'
	assert_success
	assert_equal "${lines[0]}" "$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)"
	assert_equal "${lines[1]}" 0
	[[ ${lines[2]} =~ ^\ +0\ +0\ +4294967295$ ]]
	assert_equal "${lines[3]}" /dev/kmsg
	assert_equal "${lines[4]}" 0
	assert_equal "${lines[5]}" mounted
	[[ $stderr == *"--privileged: the container's root is root of the host"* ]]
	refused '--privileged needs --userns=host' --privileged --userns private
}

# --- namespaces, network -------------------------------------------------------------------------

@test "--network none has loopback alone, --network host the host's links" {
	run inside box sh -c 'ls /sys/class/net; ip -o addr show lo'
	assert_success
	assert_equal "${lines[0]}" lo
	assert_output --partial 127.0.0.1/8
	[ "$(inside box readlink /proc/self/ns/net)" != "$(readlink /proc/self/ns/net)" ]
	run cloche run --rm --network host box readlink /proc/self/ns/net
	assert_equal "${lines[-1]}" "$(readlink /proc/self/ns/net)"
	assert_equal "$(cloche run --rm --network host box hostname)" "$(hostname)"
	assert_equal "$(cloche run --rm --network host box cat /etc/hosts)" "$(cat /etc/hosts)"
	run cloche run --rm --network no-such-network box true
	assert_failure 125
	assert_output --partial no-such-network
	assert_equal "$(cloche ps -aq)" ""
}

@test "--pid host, --ipc host, --uts host share the host's, with the container's own users" {
	for kind in pid ipc uts; do
		assert_equal "$(inside --"$kind" host box readlink "/proc/self/ns/$kind")" "$(readlink "/proc/self/ns/$kind")"
		[ "$(inside box readlink "/proc/self/ns/$kind")" != "$(readlink "/proc/self/ns/$kind")" ]
		[ "$(inside --"$kind" host box readlink "/proc/self/ns/user")" != "$(readlink /proc/self/ns/user)" ]
		refused "--$kind: invalid mode: nonsense" "--$kind" nonsense
	done
	assert_equal "$(inside --pid host box cat "/proc/$$/comm")" "$(cat "/proc/$$/comm")"
	run inside --pid host box kill -0 $$
	assert_failure
	assert_equal "$(inside --uts host box hostname)" "$(hostname)"
	touch "/dev/shm/cloche-test-$$"
	run inside --ipc host box ls "/dev/shm/cloche-test-$$"
	rm "/dev/shm/cloche-test-$$"
	assert_success
	refused 'conflicting options: hostname and the UTS mode' --uts host -h x
	id=$(cloche create --network none --pid host --uts host --ipc host box true)
	assert_equal "$(of "$id" HostConfig.PidMode)$(of "$id" HostConfig.UTSMode)$(of "$id" HostConfig.IpcMode)" '"host""host""host"'
}

@test "a container with --pid host ends whole with rm -f" {
	id=$(cloche run -d --pid host --network none box sh -c 'sleep 98765 & sleep 98764 & wait')
	until_true 20 pgrep -f 'sleep 98765'
	cloche rm -f "$id"
	until_true 20 sh -c '! pgrep -f "sleep 9876[45]"'
}

@test "--shm-size sizes /dev/shm" {
	assert_equal "$(inside box df -k /dev/shm | awk 'NR == 2 { print $2 }')" 65536
	assert_equal "$(inside --shm-size 8m box df -k /dev/shm | awk 'NR == 2 { print $2 }')" 8192
	id=$(cloche create --network none --shm-size 8m box true)
	assert_equal "$(of "$id" HostConfig.ShmSize)" 8388608
	cloche rm "$id"
	refused "invalid argument \"x\" for \"--shm-size\" flag: invalid size: 'x'" --shm-size x
}

# --- files ----------------------------------------------------------------------------------------

@test "--read-only: the root is, /dev/shm and mounts are not" {
	run inside --read-only --tmpfs /run -v /data box sh -c 'touch /etc/x; touch /run/x /data/x /dev/shm/x && echo fine'
	assert_output --partial 'Read-only file system'
	assert_output --partial fine
	run inside --read-only -w /srv box pwd
	assert_output /srv
}

@test "--tmpfs: options, defaults, errors" {
	run inside --tmpfs /t --tmpfs /u:size=1m,mode=700,exec,ro box sh -c 'grep -E " /[tu] " /proc/self/mountinfo | cut -d" " -f5,6; stat -c %a /t /u; df -k /u | tail -1 | tr -s " " | cut -d" " -f2'
	assert_equal "${lines[0]}" '/t rw,nosuid,nodev,noexec,relatime'
	assert_equal "${lines[1]}" '/u ro,nosuid,nodev,relatime'
	assert_equal "${lines[2]}${lines[3]}" 1777700
	assert_equal "${lines[4]}" 1024
	id=$(cloche create --network none --tmpfs /t:size=1m box true)
	assert_equal "$(of "$id" HostConfig.Tmpfs)" '{"/t":"size=1m"}'
	cloche rm "$id"
	refused 'mount path must be absolute' --tmpfs t
	refused 'invalid tmpfs option' --tmpfs /t:nonsense
	refused "invalid size" --tmpfs /t:size=x
	refused "destination can't be '/'" --tmpfs /
	refused 'Duplicate mount point: /t' --tmpfs /t --tmpfs /t
}

@test "what comes later is refused with a sentence" {
	cloche run --help | grep -q -- --volume
	for option in --isolation=hyperv --volume-driver=nfs; do
		run cloche run --network none "$option" box true
		assert_failure 125
		assert_output --regexp "cloche: .*${option%=*}.*: .+"
		assert_equal "$(cloche ps -aq)" ""
	done
}
