#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives for the tests of cloche-transfer, made byte by byte where tar programs would refuse.

    make_archive.py LAYER FILE              one tar: see LAYERS
    make_archive.py docker FILE TAG LAYER.tar...     docker save's form
    make_archive.py old-docker FILE TAG LAYER.tar... its form before version 25
    make_archive.py oci FILE|DIR TAG LAYER.tar...    an OCI archive or layout folder
    make_archive.py estargz FILE LAYER.tar  a layer as stargz-snapshotter, doc/estargz.md
    make_archive.py image-CASE FILE LAYER.tar...     a docker or OCI archive with a fault: see IMAGES
    make_archive.py all DIR                 each LAYER.tar, LAYER.docker.tar with it, and each
                                            image-CASE.tar with the layer "plain"
    make_archive.py list DIR                what a tree is, one line a file: to compare two
"""
import gzip
import hashlib
import io
import json
import os
import platform
import stat
import struct
import subprocess
import sys
import tarfile

REG, DIR, SYM, LNK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
CHR, BLK, FIFO = tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE
CAPABILITY = "SCHILY.xattr.security.capability"


def entry(name, type=REG, data=b"", **more):
    return name, type, data, more


def tar_bytes(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, data, more in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.mode = 0o755 if kind == DIR else 0o644
            info.mtime = 1000000000
            info.size = len(data)
            for key, value in more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def text(value):
    """Bytes as a pax value: tarfile writes them in UTF-8, with this they come out as they are."""
    return value.decode("utf-8", "surrogateescape")


def capability(revision, size):
    return text(struct.pack("<IIIII", revision | 1, 0x2000, 0, 0, 0)[:size].ljust(size, b"\0"))


ok = entry("etc/hello", data=b"hello\n")
deep = "/".join(["d"] * 600)

LAYERS = {
    "plain": [entry("etc", DIR), ok, entry("bin/sh", data=b"#!\n", mode=0o755)],
    "second": [entry("etc/.wh.hello"), entry("etc/new", data=b"new\n"),
               entry("bin", DIR), entry("bin/.wh..wh..opq"), entry("bin/other", data=b"o\n")],
    # M1
    "dotdot": [ok, entry("../../canary", data=b"x")],
    "inner-dotdot": [ok, entry("a/../../../canary", data=b"x")],
    "dot-dotdot": [ok, entry("./../canary", data=b"x")],
    "absolute": [entry("/abs/canary", data=b"inside\n")],
    "root-as-file": [entry(".", data=b"x")],
    "no-name": [entry("", data=b"x")],
    # M2
    "link-then-below": [entry("tmp", DIR), entry("canary-dir", DIR),
                        entry("d", SYM, linkname="/tmp/../canary-dir"), entry("d/x", data=b"x")],
    "link-out-then-below": [entry("d", SYM, linkname="../../../../.."), entry("d/canary", data=b"x")],
    "usrmerge": [entry("usr/bin", DIR), entry("bin", SYM, linkname="usr/bin"),
                 entry("bin/tool", data=b"tool\n")],
    "dangling-link-then-below": [entry("d", SYM, linkname="nowhere"), entry("d/x", data=b"x")],
    # M4
    "hardlink-out": [ok, entry("h", LNK, linkname="../../canary")],
    "hardlink-host": [ok, entry("h", LNK, linkname="/etc/shadow")],
    "hardlink-forward": [entry("h", LNK, linkname="later"), entry("later", data=b"x")],
    "hardlink-folder": [entry("d", DIR), entry("h", LNK, linkname="d")],
    "hardlink-self": [entry("h", LNK, linkname="h")],
    "hardlink-through-link": [entry("l", SYM, linkname="/etc"), entry("h", LNK, linkname="l/shadow")],
    "hardlink-to-link": [entry("s", SYM, linkname="/etc/shadow"), entry("h", LNK, linkname="s")],
    # M5
    "rewritten": [entry("a", data=b"first\n"), entry("b", LNK, linkname="a"),
                  entry("a", data=b"second\n")],
    # M6
    "devices": [entry("dev/sda", BLK, devmajor=8, devminor=0, mode=0o666),
                entry("dev/mem", CHR, devmajor=1, devminor=1, mode=0o666),
                entry("etc/hello", CHR, devmajor=0, devminor=0), entry("ok", data=b"ok\n")],
    # M7
    "fifo": [entry("pipe", FIFO, mode=0o620, uid=5, gid=6)],
    # M8
    "whiteout-empty": [entry("a/.wh.")],
    "whiteout-dot": [entry("a/.wh..")],
    "whiteout-dotdot": [entry("a/.wh...")],
    "whiteout-folder": [entry(".wh./x")],
    "whiteout-below": [entry(".wh.a/b")],
    "whiteout-in-dotdot": [entry("x/.wh.../y")],
    # M9, M10
    "opaque-root": [entry("only", data=b"1\n"), entry(".wh..wh..opq"), entry(".wh..wh..opq")],
    "opaque-after": [entry("etc", DIR), entry("etc/new", data=b"n\n"), entry("etc/.wh..wh..opq"),
                     entry("etc/.wh..wh..opq")],
    "whiteout-own": [entry("etc/new", data=b"n\n"), entry("etc/.wh.new"), entry("etc/.wh.ghost"),
                     entry("dir", DIR), entry(".wh.dir")],
    "whiteout-through-link": [entry("etc", DIR),
                              entry("d", SYM, linkname="../../../../etc"), entry("d/.wh.shadow")],
    "aufs": [entry(".wh..wh.aufs"), entry(".wh..wh.plnk", DIR), entry(".wh..wh.plnk/1.2"), ok],
    # M12
    "xattrs": [entry("f", data=b"x", pax_headers={
        "SCHILY.xattr.user.kept": "yes", "SCHILY.xattr.user.overlay.redirect": "/canary",
        "SCHILY.xattr.trusted.overlay.redirect": "/../../canary",
        "SCHILY.xattr.trusted.overlay.metacopy": "", "SCHILY.xattr.security.selinux": "u:r:t",
        "SCHILY.xattr.security.ima": "x", "SCHILY.xattr.trusted.cloche.size": "1"}),
        entry("d", DIR, pax_headers={"SCHILY.xattr.trusted.overlay.opaque": "y"}),
        entry("cap2", data=b"x", pax_headers={CAPABILITY: capability(0x02000000, 20)}),
        entry("cap3", data=b"x", pax_headers={CAPABILITY: capability(0x03000000, 24)})],
    "bad-capability": [entry("f", data=b"x", pax_headers={CAPABILITY: capability(0x02000000, 7)})],
    # M15
    "name-256": [entry("n" * 256, data=b"x")],
    "deep": [entry(deep, data=b"x")],
    "deep-by-links": [entry("/".join(["d"] * 300), DIR), entry("l", SYM, linkname="/".join(["d"] * 300)),
                      entry("l/" + "/".join(["e"] * 300), DIR)],
    # M16
    "twice": [entry("f", data=b"one\n"), entry("f", data=b"two\n"),
              entry("a", data=b"x"), entry("a", DIR), entry("a/b", data=b"x"),
              entry("c/d", data=b"x"), entry("c", SYM, linkname="/canary-dir"),
              entry("s", SYM, linkname="/canary-dir"), entry("s", DIR), entry("s/in", data=b"x"),
              entry("g", DIR), entry("g/x", data=b"x"), entry("g", data=b"file\n")],
    "rootfs-link": [entry("rootfs", DIR), entry("rootfs", SYM, linkname="/"),
                    entry("rootfs/canary", data=b"x")],
    "root-as-link": [entry("./", SYM, linkname="/"), entry("canary", data=b"x")],
    "root-as-hardlink": [ok, entry(".", LNK, linkname="etc/hello")],
    # M25
    "bad-owner": [entry("f", data=b"x", uid=2**32 - 1)],
    # M26
    "terminal": [ok, entry("a\033[31m\nb/..", data=b"x")],
}


def raw_header(name, kind, size):
    block = tarfile.TarInfo(name)
    block.size = size
    block.type = kind
    return block.tobuf(tarfile.USTAR_FORMAT)


RAW = ("cut", "cut-at-header", "bad-checksum", "huge-sparse", "multi-volume", "unknown-type",
       "not-a-tar", "empty")


def layer(name):
    """One of LAYERS or of RAW."""
    if name == "cut":
        return layer("plain")[:700]
    if name == "cut-at-header": # nothing but the missing end mark tells
        return layer("plain")[:512]
    if name == "bad-checksum":
        data = bytearray(layer("plain"))
        data[10] ^= 1
        return bytes(data)
    if name == "huge-sparse": # 8 EiB of nothing
        info = tarfile.TarInfo("f")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                            "GNU.sparse.name": "f", "GNU.sparse.realsize": str(2**63 - 1)}
        data = (b"1\n%d\n0\n" % (2**63 - 1)).ljust(512, b"\0")
        info.size = len(data)
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(info, io.BytesIO(data))
        return out.getvalue()
    if name in ("multi-volume", "unknown-type"):
        kind = b"M" if name == "multi-volume" else b"Z"
        return raw_header("odd", kind, 4) + b"data".ljust(512, b"\0") + bytes(1024)
    if name == "not-a-tar":
        return b"this is no archive\n" * 100
    if name == "empty":
        return b""
    return tar_bytes(LAYERS[name])


def write_bomb(path, size=1 << 30):
    """A file of NULs in gzip, a member a MiB: a thousandth of its size."""
    chunk = gzip.compress(bytes(1 << 20))
    with open(path, "wb") as out:
        out.write(gzip.compress(raw_header("zeros", REG, size)))
        for _ in range(size >> 20):
            out.write(chunk)
        out.write(gzip.compress(bytes(1024)))


# --- images -----------------------------------------------------------------------------------

def sha(data):
    return hashlib.sha256(data).hexdigest()


def unpacked(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def config_of(layers, **more):
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config = {"architecture": arch, "os": "linux", "config": {"Cmd": ["/bin/sh"], "Env": ["A=b"]},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(unpacked(l)) for l in layers]}}
    config.update(more)
    return json.dumps(config).encode()


def read_all(paths):
    result = []
    for path in paths:
        with open(path, "rb") as file:
            result.append(file.read())
    return result


def docker(tags, layers, config=None):
    config = config or config_of(layers)
    files = {"blobs/sha256/" + sha(l): l for l in layers}
    files["blobs/sha256/" + sha(config)] = config
    files["manifest.json"] = json.dumps([{
        "Config": "blobs/sha256/" + sha(config), "RepoTags": tags,
        "Layers": ["blobs/sha256/" + sha(l) for l in layers]}]).encode()
    return files


def old_docker(tags, layers):
    config = config_of(layers)
    files = {sha(config) + ".json": config}
    names = []
    for number, data in enumerate(layers):
        folder = sha(b"%d" % number)
        files[folder + "/VERSION"] = b"1.0"
        files[folder + "/layer.tar"] = data
        for earlier in names: # as docker does for a layer it has written already
            if files[earlier] == data:
                files[folder + "/layer.tar"] = "../" + earlier
        names.append(folder + "/layer.tar")
    files["manifest.json"] = json.dumps(
        [{"Config": sha(config) + ".json", "RepoTags": tags, "Layers": names}]).encode()
    return files


INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def descriptor(data, kind, **more):
    return dict({"mediaType": kind, "digest": "sha256:" + sha(data), "size": len(data)}, **more)


def layer_type(data):
    suffix = {b"\x1f\x8b": "+gzip", b"\x28\xb5": "+zstd"}.get(data[:2], "")
    return "application/vnd.oci.image.layer.v1.tar" + suffix


def oci_image(files, layers, config=None):
    """Add an image's blobs to files; its manifest's bytes."""
    config = config or config_of(layers)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                           "config": descriptor(config, CONFIG),
                           "layers": [descriptor(l, layer_type(l)) for l in layers]}).encode()
    for data in [config, manifest, *layers]:
        files["blobs/sha256/" + sha(data)] = data
    return manifest


def put_index(files, descriptors):
    files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    files["index.json"] = json.dumps({"schemaVersion": 2, "mediaType": INDEX,
                                      "manifests": descriptors}).encode()
    return files


def oci(tag, layers):
    files = {}
    manifest = oci_image(files, layers)
    return put_index(files, [descriptor(manifest, MANIFEST,
                                        annotations={"io.containerd.image.name": tag})])


def nested(layers):
    files = {}
    here = json.loads(config_of(layers))["architecture"]
    wrong = oci_image(files, layers[:1], config_of(layers[:1], architecture="s390x"))
    right = oci_image(files, layers)
    inner = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        descriptor(wrong, MANIFEST, platform={"os": "linux", "architecture": "s390x"}),
        descriptor(right, MANIFEST, platform={"os": "linux", "architecture": here}),
        {"mediaType": MANIFEST, "digest": "sha256:" + "0" * 64, "size": 1,
         "platform": {"os": "unknown", "architecture": "unknown"}}]}).encode()
    files["blobs/sha256/" + sha(inner)] = inner
    return put_index(files, [descriptor(inner, INDEX, annotations={
        "org.opencontainers.image.ref.name": "quay.io/me/nested:2"})])


def estargz(plain):
    """Each entry a gzip member of its own, then the table of contents as an entry, then a footer that says where that is."""
    out, entries = b"", []
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        members = tar.getmembers()
    ends = [m.offset for m in members[1:]] + [members[-1].offset_data + (members[-1].size + 511) // 512 * 512]
    for member, end in zip(members, ends):
        entries.append({"name": member.name, "type": "reg" if member.isreg() else "dir",
                        "size": member.size, "offset": len(out), "mode": member.mode})
        out += gzip.compress(plain[member.offset:end], mtime=0)
    where = len(out)
    toc = json.dumps({"version": 1, "entries": entries}).encode()
    out += gzip.compress(tar_bytes([entry("stargz.index.json", data=toc)]), mtime=0)
    extra = b"SG" + struct.pack("<H", 22) + b"%016xSTARGZ" % where
    return (out + b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H", len(extra)) + extra +
            b"\x01\0\0\xff\xff" + bytes(8))


def edit(files, name, change):
    value = json.loads(files[name])
    change(value)
    files[name] = json.dumps(value).encode()
    return files


def tampered(files, layer_data):
    files["blobs/sha256/" + sha(layer_data)] = layer_data[:-1] + b"x"
    return files


def manifest_edit(layers, change):
    """An OCI image whose manifest was changed, and its digests with it."""
    files = {}
    value = json.loads(oci_image(files, layers))
    change(value)
    manifest = json.dumps(value).encode()
    files["blobs/sha256/" + sha(manifest)] = manifest
    return put_index(files, [descriptor(manifest, MANIFEST)])


def both_forms(layers, other):
    files = docker(["web:1"], layers)
    other_files = oci("web:1", other)
    other_files.update(files)
    return other_files


def self_index(layers):
    files = {}
    manifest = oci_image(files, layers)
    data = json.dumps({"schemaVersion": 2, "manifests": [descriptor(manifest, MANIFEST)]}).encode()
    for _ in range(3):
        files["blobs/sha256/" + sha(data)] = data
        data = json.dumps({"schemaVersion": 2, "manifests": [descriptor(data, INDEX)]}).encode()
    files["blobs/sha256/" + sha(data)] = data
    return put_index(files, [descriptor(data, INDEX)])


def set_layers(value):
    return lambda m: m[0].update(Layers=value)


def set_config_field(layers, key, value):
    config = json.loads(config_of(layers))
    config["config"][key] = value
    return docker(["web:1"], layers, json.dumps(config).encode())


IMAGES = {
    "two": lambda l: dict(docker(["web:1"], l), **{"manifest.json": json.dumps(
        json.loads(docker(["web:1", "me/web"], l[:1])["manifest.json"])
        + json.loads(docker(["quay.io/me/two:x"], l)["manifest.json"])).encode(),
        **{"blobs/sha256/" + sha(config_of(l[:1])): config_of(l[:1])}}),
    "nested": nested,
    "both": lambda l: both_forms(l, l),
    "layer-twice": lambda l: docker(["web:1"], l + l[:1]),
    # M17, M18
    "wrong-layer": lambda l: tampered(docker(["web:1"], l), l[0]),
    "wrong-oci-layer": lambda l: tampered(oci("web:1", l), l[0]),
    "wrong-config": lambda l: edit(docker(["web:1"], l), "blobs/sha256/" + sha(config_of(l)),
                                   lambda c: c.update(author="someone else")),
    "wrong-diff-id": lambda l: docker(["web:1"], l, config_of(l, rootfs={
        "type": "layers", "diff_ids": ["sha256:" + "0" * 64]})),
    "wrong-size": lambda l: manifest_edit(l, lambda m: m["layers"][0].update(size=3)),
    "md5": lambda l: manifest_edit(l, lambda m: m["layers"][0].update(digest="md5:" + "0" * 32)),
    "short-digest": lambda l: manifest_edit(l, lambda m: m["config"].update(digest="sha256:00")),
    "digest-path": lambda l: manifest_edit(
        l, lambda m: m["layers"][0].update(digest="sha256:../../../../canary")),
    # M19, M20, M21
    "manifest-and-index": lambda l: manifest_edit(l, lambda m: m.update(manifests=[])),
    "index-in-index": self_index,
    "encrypted": lambda l: manifest_edit(l, lambda m: m["layers"][0].update(
        mediaType="application/vnd.oci.image.layer.v1.tar+gzip+encrypted")),
    "fewer-layers": lambda l: edit(docker(["web:1"], l), "manifest.json", set_layers([])),
    "deep-json": lambda l: dict(docker(["web:1"], l), **{"manifest.json": b"[" * 100000}),
    "big-json": lambda l: dict(docker(["web:1"], l), **{"manifest.json": b" " * (5 << 20)}),
    "double-key": lambda l: dict(docker(["web:1"], l), **{"manifest.json": b'[{"Config":"a","Config":"b"}]'}),
    "no-manifest": lambda l: {"hello": b"x"},
    "foreign": lambda l: put_index({}, [{"mediaType": MANIFEST, "digest": "sha256:" + "0" * 64,
                                         "size": 1, "platform": {"os": "linux", "architecture": "s390x"}}]),
    # M28, M29
    "bad-entrypoint": lambda l: set_config_field(l, "Entrypoint", "/bin/sh"),
    "bad-volume": lambda l: set_config_field(l, "Volumes", {"../../canary": {}}),
    "bad-name": lambda l: docker(["Web/../x:1"], l),
    # M30
    "layer-outside": lambda l: edit(docker(["web:1"], l), "manifest.json", set_layers(["../../canary"])),
    "layer-absolute": lambda l: edit(docker(["web:1"], l), "manifest.json", set_layers(["/etc/shadow"])),
    "layer-link-out": lambda l: dict(
        edit(docker(["web:1"], l), "manifest.json", set_layers(["a/layer.tar"])),
        **{"a/layer.tar": "../../canary"}),
    "layer-link-host": lambda l: dict(
        edit(docker(["web:1"], l), "manifest.json", set_layers(["a/layer.tar"])),
        **{"a/layer.tar": "/etc/shadow"}),
    "config-link": lambda l: dict(docker(["web:1"], l), **{"blobs/sha256/" + sha(config_of(l)): "/etc/shadow"}),
    "disagree": lambda l: both_forms(l, l[:1] * 2),
}


def write_files(path, files):
    """A tar, or a folder when there is one of that name. A str is a symbolic link's target."""
    if not os.path.isdir(path):
        with open(path, "wb") as out:
            out.write(tar_bytes([entry(name, SYM, linkname=data) if isinstance(data, str)
                                 else entry(name, data=data) for name, data in files.items()]))
        return
    for name, data in files.items():
        where = os.path.join(path, name)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        with open(where, "wb") as out:
            out.write(data)


# --- comparing --------------------------------------------------------------------------------

def describe(path, name, inodes):
    st = os.lstat(path)
    words = [name, stat.filemode(st.st_mode), f"{st.st_uid}:{st.st_gid}", f"time={st.st_mtime_ns}"]
    if not stat.S_ISDIR(st.st_mode):
        words += [f"size={st.st_size}", f"links={st.st_nlink}"]
        words.append("same-as=" + repr(inodes.setdefault(st.st_ino, name)))
    if stat.S_ISLNK(st.st_mode):
        words.append("to=" + os.readlink(path))
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as file:
            words.append(hashlib.file_digest(file, "sha256").hexdigest()
                         if hasattr(hashlib, "file_digest") else sha(file.read()))
        words.append("holes" if st.st_blocks * 512 < st.st_size - (1 << 16) else "dense")
    if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        words.append(f"device={os.major(st.st_rdev)}:{os.minor(st.st_rdev)}")
    for key in sorted(os.listxattr(path, follow_symlinks=False)):
        if key != "trusted.cloche.size":
            words.append(f"{key}={os.getxattr(path, key, follow_symlinks=False).hex()}")
    return " ".join(words)


def list_tree(root):
    lines, inodes = [], {}
    for folder, folders, files in os.walk(root):
        folders.sort()
        inner = os.path.relpath(folder, root)
        names = ["."] if inner == "." else []
        names += sorted(files + folders)
        for name in names:
            path = os.path.join(folder, name)
            lines.append(describe(path, os.path.normpath(os.path.join(inner, name)), inodes))
    print("\n".join(line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                    for line in lines))


def write_all(folder):
    for name in [*LAYERS, *RAW]:
        data = layer(name)
        with open(f"{folder}/{name}.tar", "wb") as out:
            out.write(data)
        write_files(f"{folder}/{name}.docker.tar", docker(["web:1"], [data]))
    for name, make in IMAGES.items():
        write_files(f"{folder}/image-{name}.tar", make([layer("plain")]))


def main():
    what, path, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    if what == "list":
        list_tree(path)
    elif what == "all":
        write_all(path)
    elif what == "estargz":
        with open(rest[0], "rb") as f, open(path, "wb") as to:
            to.write(estargz(f.read()))
    elif what == "bomb":
        write_bomb(path)
    elif what == "docker":
        write_files(path, docker(rest[:1], read_all(rest[1:])))
    elif what == "old-docker":
        write_files(path, old_docker(rest[:1], read_all(rest[1:])))
    elif what == "oci":
        write_files(path, oci(rest[0], read_all(rest[1:])))
    elif what.startswith("image-"):
        write_files(path, IMAGES[what[6:]](read_all(rest)))
    else:
        with open(path, "wb") as out:
            out.write(layer(what))


if __name__ == "__main__":
    main()
