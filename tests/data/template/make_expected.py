#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ask Docker's client what the templates of cases.txt print, and keep documents and answers in expected.json.

The test needs neither; this ran with docker 28.2.2 against dockerd 20.10.24, which had the containers net1 (container),
fresh (created), done (exited), web (volumes), the image busy:1, the volume vol1 and the network n1:
	docker network create --subnet 172.30.0.0/24 n1
	docker run -d --name net1 --hostname h1 --network n1 -p 8080:80 -p 127.0.0.1:5300:53/udp --expose 443 -e 'X=a b' \\
		-l 'quote="x"' -l uni=ä --cap-add NET_ADMIN --ulimit nofile=100:200 --tmpfs /t:size=1m --read-only \\
		--add-host a:1.2.3.4 busy:1 sleep 1000
	docker create --name fresh --network none --health-cmd true --health-interval 90s -p 8080:80 busy:1
	docker run --name done --network none busy:1 sh -c 'exit 7'
	docker run -d --name web --network none -l app=web -v vol1:/data -v /tmp:/host:ro --restart on-failure:3 -m 64m \\
		--cpus 0.5 busy:1 sleep 1000
"""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
OBJECTS = {"container": ["inspect", "net1"], "created": ["inspect", "fresh"], "exited": ["inspect", "done"],
           "volumes": ["inspect", "web"], "image": ["image", "inspect", "busy:1"],
           "volume": ["volume", "inspect", "vol1"], "network": ["network", "inspect", "n1"]}
LISTS = {"ps": ["ps", "-a"], "images": ["images"], "volumels": ["volume", "ls"]}


def docker(*words):
    done = subprocess.run(["docker", *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def document(name):
    if name in OBJECTS:
        return json.loads(docker(*OBJECTS[name], "--format", "{{json .}}")[1])
    rows = [json.loads(line) for line in docker(*LISTS[name], "--format", "json")[1].splitlines()]
    for row in rows if name == "ps" else []:
        row[".labels"] = json.loads(docker("inspect", row["ID"], "--format", "{{json .Config.Labels}}")[1])
    return rows


def main():
    documents = {name: document(name) for name in (*OBJECTS, *LISTS)}
    cases = []
    for line in open(os.path.join(HERE, "cases.txt"), encoding="utf-8"):
        if line.startswith("#"):
            continue
        name, template = line.rstrip("\n").split("\t", 1)
        template = template.replace("\\x0a", "\n")
        status, out, err = docker(*(OBJECTS.get(name) or LISTS[name]), "--format", template)
        case = {"document": name, "template": template}
        if status:
            case["error"] = err.strip().removeprefix("Error: ")
        if out or not status:
            case["output"] = out
        cases.append(case)
    with open(os.path.join(HERE, "expected.json"), "w", encoding="utf-8") as f:
        json.dump({"documents": documents, "cases": cases}, f, indent=1, ensure_ascii=False)
        f.write("\n")


main()
