#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What dockerd 20.10.24 records for sets of options (docker 28.2.2 asks it): expected.json, for tests/system/inspect.bats.

The image busy:1 was made with: docker import -c 'CMD ["sh"]' -c 'ENV A=1 PATH=/bin' -c 'LABEL maker=us' -c 'EXPOSE 80' -
"""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = {
    "plain": [],
    "environment": ["-e", "X=1", "-e", "A=2", "-l", "app=web", "-l", "empty", "-w", "/work", "-u", "1000:100"],
    "names": ["--hostname", "host1", "--domainname", "example.org"],
    "terminal": ["-it"],
    "stdin": ["-i"],
    "memory": ["-m", "128m", "--memory-reservation", "64m", "--memory-swap", "256m"],
    "cpu": ["--cpus", "1.5", "-c", "512", "--cpuset-cpus", "0", "--cpuset-mems", "0"],
    "quota": ["--cpu-period", "50000", "--cpu-quota", "25000"],
    "pids": ["--pids-limit", "100", "--oom-score-adj", "100"],
    "rights": ["--cap-add", "NET_ADMIN", "--cap-drop", "CHOWN", "--security-opt", "no-new-privileges"],
    "privileged": ["--privileged"],
    "readonly": ["--read-only", "--tmpfs", "/run:size=1m", "--shm-size", "32m"],
    "volumes": ["-v", "named:/data", "-v", "/tmp:/host:ro"],
    "anonymous": ["-v", "/anonymous"],
    "mounts": ["--mount", "type=volume,source=named,target=/data,readonly", "--mount", "type=bind,source=/tmp,target=/b"],
    "ulimits": ["--ulimit", "nofile=100:200", "--ulimit", "core=0"],
    "sysctls": ["--sysctl", "net.ipv4.ip_forward=1"],
    "stop": ["--stop-signal", "INT", "--stop-timeout", "3"],
    "init": ["--init"],
    "remove": ["--rm"],
    "groups": ["--group-add", "10", "--group-add", "audio"],
    "dns": ["--dns", "1.1.1.1", "--dns-search", "example.org", "--dns-option", "ndots:2", "--add-host", "a:1.2.3.4"],
    "entrypoint": ["--entrypoint", "/bin/echo"],
    "devices": ["--device", "/dev/null:/dev/zilch:r"],
    "pid": ["--pid", "host", "--ipc", "host", "--uts", "host"],
    "ports": ["-p", "8080:80", "-p", "127.0.0.1:5300:53/udp", "--expose", "443"],
    "restart": ["--restart", "on-failure:3"],
    "always": ["--restart", "always"],
    "log": ["--log-driver", "json-file", "--log-opt", "max-size=1m"],
    "health": ["--health-cmd", "true", "--health-interval", "90s", "--health-retries", "2"],
    "nohealth": ["--no-healthcheck"],
}


def docker(*words):
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.strip()


def main():
    expected = {}
    for name, options in SETS.items():
        network = [] if name in ("ports", "dns") else ["--network", "none"]
        try:
            id = docker("create", *network, *options, "busy:1", "true", "x y")
        except subprocess.CalledProcessError as error:
            print(name, error.stderr)
            continue
        expected[name] = {"options": network + options, "inspect": json.loads(docker("inspect", id))[0]}
        docker("rm", "-v", id)
    with open(os.path.join(HERE, "expected.json"), "w", encoding="utf-8") as f:
        json.dump(expected, f, indent=1, ensure_ascii=False)
        f.write("\n")


main()
