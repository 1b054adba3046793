#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""as_run.py EXPECTED CLOCHE IMAGE: what `inspect --as run` says of a container makes the same container again, for every set of options in
EXPECTED and for each of ours."""

import json
import shlex
import subprocess
import sys

OURS = [
    ["--umask", "077", "--tz", "UTC", "--timeout", "600", "--guard", "audit", "-d", "--health-cmd", "x 'y' \"z\"", "--health-on-failure", "kill"],
    ["-v", "/nameless", "--mount", "type=bind,source=/tmp,target=/b,readonly,bind-propagation=rslave,idmap=none", "--tmpfs", "/t:size=4k",
     "--mount", "type=volume,source=vol,target=/v,volume-nocopy", "--mount", "type=tmpfs,target=/m,tmpfs-size=8192"],
    ["--secret", "id=s,env=HOME,uid=5,mode=0400", "-e", "A=b'c\nd", "-l", "x=$HOME `y`", "--entrypoint", ""],
    ["-p", "[::1]:8081:81/udp", "-p", "82", "--expose", "9000", "--network", "name=bridge,alias=a,alias=b", "--publish-mode", "visible"],
]
FREE = ("Id", "Name", "Created", "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "GraphDriver", "Cloche", "NetworkSettings")


def document(cloche, id):
    one = json.loads(subprocess.run([cloche, "inspect", id], capture_output=True, text=True, check=True).stdout)[0]
    config = one["Config"]
    if config["Hostname"] == one["Id"][:12]:
        config["Hostname"] = "ID"
    for key in ("AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce"):  # of who makes it
        config.pop(key, None)
    one["HostConfig"].pop("Mounts", None), one["HostConfig"].pop("Binds", None)
    for mount in one["Mounts"]:
        if len(mount.get("Name", "")) == 64:
            mount["Name"] = mount["Source"] = "nameless"
    one["Mounts"].sort(key=lambda mount: mount["Destination"])
    return {key: value for key, value in one.items() if key not in FREE}


def main():
    expected, cloche, image = sys.argv[1:4]
    sets = [one["options"] for one in json.load(open(expected, encoding="utf-8")).values()] + OURS
    wrong = compared = 0
    for options in sets:
        made = subprocess.run([cloche, "create", *options, image, "true", "x y"], capture_output=True, text=True)
        if made.returncode and "not possible yet" in made.stderr:
            continue
        id = made.stdout.strip()
        line = subprocess.run([cloche, "inspect", "--as", "run", id], capture_output=True, text=True, check=True).stdout
        words = shlex.split(line.replace("\\\n", " "))
        again = subprocess.run([cloche, "create", "--name", "again", *words[4:]], capture_output=True, text=True)
        compared += 1
        if again.returncode:
            print(f"{options}: {line}: {made.stderr}{again.stderr}")
            wrong += 1
        else:
            one, two = document(cloche, id), document(cloche, again.stdout.strip())
            for key in one:
                if one[key] != two[key]:
                    print(f"{options}: {key}: {json.dumps(one[key])}\n    {json.dumps(two[key])}\n{line}")
                    wrong += 1
        subprocess.run([cloche, "rm", "-f", "-v", id, "again"], capture_output=True)
    print(f"{compared} sets, {wrong} differences")
    return wrong != 0 or compared < 25


sys.exit(main())
