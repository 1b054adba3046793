#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare_inspect.py EXPECTED CLOCHE IMAGE: create a container with each set of options and compare what `inspect` prints with
what dockerd printed, key by key: every key of Docker's is there, with the same type and, but for those below, value."""
import json
import re
import subprocess
import sys

# Values that are not the same, with the reason; docs/docker-differences.md says it to users.
DIFFER = {
    r"Id|Created|Image|Name|State\.(StartedAt|FinishedAt)": "of each container",
    r"(ResolvConf|Hostname|Hosts|Log)Path|GraphDriver\..*|Driver": "where files lie",
    r"HostConfig\.NetworkMode": "28 calls the default one bridge",
    r"HostConfig\.ShmSize": "a setting",
    r"Config\.Image": "how the test names it",
    r"HostConfig\.LogConfig.*": "local is the default",
    r"HostConfig\.CgroupnsMode": "private, on cgroup v1 too",
    r"HostConfig\.(PidsLimit|OomKillDisable|MemorySwap|MemorySwappiness|CgroupParent)": "our defaults",
    r"HostConfig\.(MaskedPaths|ReadonlyPaths)": "ours are more",
    r"HostConfig\.(Runtime|UsernsMode|SecurityOpt)": "ours",
    r"HostConfig\.ConsoleSize.*": "of the terminal that asked",
    r"Mounts\.\d+\.(Source|Mode|Propagation|Name)": "where files lie; z of SELinux",
    r"NetworkSettings\.(Networks|Sandbox).*": "of the network",
    r"NetworkSettings\..*": "of the network",
}
# Keys that a later Docker has no more, or that are another's.
ABSENT = {
    r"HostConfig\.(KernelMemory|KernelMemoryTCP|VolumeDriver)": "gone in Docker 28, or drivers",
    r"GraphDriver\.Data": "where files lie",
}


def matches(path, table):
    return any(re.fullmatch(pattern, path) for pattern in table)


def kind(value):
    return {bool: "bool", int: "number", float: "number", str: "text", list: "list", dict: "object"}.get(type(value), "null")


def compare(theirs, ours, path, found):
    if matches(path, DIFFER):
        if kind(theirs) != kind(ours) and "null" not in (kind(theirs), kind(ours)):
            found.append(f"{path}: {kind(theirs)} there, {kind(ours)} here")
        return
    if kind(theirs) != kind(ours):
        found.append(f"{path}: {json.dumps(theirs)} there, {json.dumps(ours)} here")
    elif isinstance(theirs, dict):
        for key in theirs:
            below = f"{path}.{key}" if path else key
            if key in ours:
                compare(theirs[key], ours[key], below, found)
            elif not matches(below, ABSENT):
                found.append(f"{below}: is not here; there {json.dumps(theirs[key])}")
        for key in ours:
            below = f"{path}.{key}" if path else key
            if key not in theirs and below != "Cloche" and not matches(below, NEWER):
                found.append(f"{below}: is only here: {json.dumps(ours[key])}")
    elif isinstance(theirs, list):
        if path == "HostConfig.Ulimits":  # the client's order is a map's
            theirs, ours = (sorted(x, key=lambda one: one["Name"]) for x in (theirs, ours))
        if len(theirs) != len(ours):
            found.append(f"{path}: {json.dumps(theirs)} there, {json.dumps(ours)} here")
        for i, (a, b) in enumerate(zip(theirs, ours)):
            compare(a, b, f"{path}.{i}", found)
    elif theirs != ours:
        found.append(f"{path}: {json.dumps(theirs)} there, {json.dumps(ours)} here")


NEWER = {
    r"Mounts\.\d+\.Driver|HostConfig\.Annotations|Config\.StopTimeout|State\.Health.*": "only when set, or newer",
}


def main():
    expected_path, cloche, image = sys.argv[1:4]
    wrong = compared = 0
    sets = json.load(open(expected_path, encoding="utf-8"))
    for name, one in sets.items():
        done = subprocess.run([cloche, "create", *one["options"], image, "true", "x y"], capture_output=True, text=True)
        if done.returncode and "not possible yet" in done.stderr:
            print(f"{name}: left out: {done.stderr.strip()}")
            continue
        compared += 1
        if done.returncode:
            print(f"{name}: {done.stderr.strip()}")
            wrong += 1
            continue
        id = done.stdout.strip()
        ours = json.loads(subprocess.run([cloche, "inspect", id], capture_output=True, text=True, check=True).stdout)[0]
        found = []
        for document in (one["inspect"], ours):  # the id is the name, unless another was given
            config = document["Config"]
            if config["Hostname"] == document["Id"][:12] or document["HostConfig"]["UTSMode"] == "host":
                config["Hostname"] = "ID"
        compare(one["inspect"], ours, "", found)
        for line in found:
            print(f"{name}: {line}")
        wrong += len(found)
        subprocess.run([cloche, "rm", "-v", id], capture_output=True, check=True)
    print(f"{compared} sets, {wrong} differences")
    return wrong != 0 or compared < 20


sys.exit(main())
