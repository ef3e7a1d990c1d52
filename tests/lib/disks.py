"""Disks of guests, made without root: partition tables by sfdisk, file systems by mke2fs from a directory, LVM by hand."""

import struct
import subprocess
import zlib
from pathlib import Path

MIB = 1 << 20
PV_UUID = "EA4JsRv8E208UqNmF1M27eTM3bA4dd9e"


def run(*words, **how):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=60, **how).stdout


def system(root, fstab="", **files):
    """A directory laid out as a small Debian."""
    content = {
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\n",
        "etc/group": "root:x:0:\nalice:x:1000:\n",
        "etc/fstab": fstab,
        "etc/network/interfaces": "auto lo\niface lo inet loopback\n",
        "lib/systemd/systemd": "",
        "boot/vmlinuz-6.1.0-test": "kernel",
        "var/log/empty": "",
        **files}
    for name, text in content.items():
        (Path(root) / name).parent.mkdir(parents=True, exist_ok=True)
        (Path(root) / name).write_text(text)
    (Path(root) / "sbin").mkdir(exist_ok=True)
    (Path(root) / "sbin/init").symlink_to("/lib/systemd/systemd")
    return root


def ext4(image, size, tree=None, *options):
    """A file system of this size, with what is in the directory `tree`."""
    Path(image).write_bytes(b"")
    with open(image, "r+b") as file:
        file.truncate(size)
    run("/sbin/mke2fs", "-q", "-F", "-t", "ext4", *(["-d", tree] if tree else []), *options, image)
    return image


def partitioned(image, size, script, parts):
    """A disk with this table; parts: {offset in MiB: file or bytes}."""
    with open(image, "wb") as file:
        file.truncate(size)
    run("/sbin/sfdisk", "-q", "--no-reread", "--no-tell-kernel", image, input=script.encode())
    with open(image, "r+b") as file:
        for offset, part in parts.items():
            file.seek(offset * MIB)
            file.write(part if isinstance(part, bytes) else Path(part).read_bytes())
    return image


def lvm_sum(data):
    return zlib.crc32(data, ~0xf597a6cf & 0xffffffff) ^ 0xffffffff


def physical_volume(size, group, volumes):
    """An LVM2 physical volume, as lvm2 lays it out; volumes: {name: (first extent, bytes)}; extents are 4 MiB."""
    logical = ""
    for name, (first, content) in volumes.items():
        count = -(-len(content) // (4 * MIB))
        logical += (f'{name} {{\nid = "1keaun-kquc-cEqe-18WH-6E1o-mMCu-Wtkr6I"\nstatus = ["READ", "VISIBLE"]\n'
                    f'segment1 {{\nstart_extent = 0\nextent_count = {count}\ntype = "striped"\nstripe_count = 1\n'
                    f'stripes = ["pv0", {first}]\n}}\n}}\n')
    text = (f'{group} {{\nextent_size = 8192\nphysical_volumes {{\npv0 {{\nid = "{PV_UUID}"\npe_start = 2048\n'
            f'pe_count = {(size - MIB) // (4 * MIB)}\n}}\n}}\nlogical_volumes {{\n{logical}}}\n}}\n').encode() + b"\0"
    area, area_size = 4096, 65536
    label = struct.pack("<I8s32sQQQQQQQQQ", 32, b"LVM2 001", PV_UUID.encode(), size, MIB, 0, 0, 0, area, area_size, 0, 0)
    label = label.ljust(492, b"\0")
    head = struct.pack("<16sIQQQQII", b" LVM2 x[5A%r0N*>", 1, area, area_size, 512, len(text), lvm_sum(text), 0)
    head = head.ljust(508, b"\0")
    disk = bytearray(size)
    disk[512:1024] = struct.pack("<8sQI", b"LABELONE", 1, lvm_sum(label)) + label
    disk[area:area + 512] = struct.pack("<I", lvm_sum(head)) + head
    disk[area + 512:area + 512 + len(text)] = text
    for first, content in volumes.values():
        start = MIB + first * 4 * MIB
        disk[start:start + len(content)] = content
    return bytes(disk)
