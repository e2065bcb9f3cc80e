"""Root file systems: one to begin with, as Debian's installer makes it, and commands run inside.

Needs root, debootstrap and util-linux; everything that is mounted is mounted in a namespace of its
own and gone with the command.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

# What stands for each image: Debian's name of the release, and the packages besides the smallest
# system. Debian's own Python takes the place of the image's, which is built from source.
STAND_INS = {
    "python:3.11-slim-bookworm": (
        "bookworm",
        ("ca-certificates", "python3", "python3-venv", "python-is-python3"),
    )
}
BASE_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
# What Debian leaves out of its slim images
_LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
_FETCHED = ("var/cache/apt", "var/lib/apt/lists")
_UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
# $1 is the root, the rest a command and its arguments.
_BUILD = """
mount --bind "$1" "$1"; cd "$1"; shift
mount -t proc proc proc; mount --rbind /dev dev; mount --rbind /sys sys
for each in /etc/resolv.conf /etc/hosts; do mount --bind "$each" ".$each"; done
while [ "$1" != -- ]; do
    mkdir -p ".$(dirname "$1")"; [ -d "$1" ] && mkdir -p ".$1" || touch ".$1"
    mount --bind -o ro "$1" ".$1"; shift
done; shift
exec "$@"
"""
# As a container is started with --read-only, --tmpfs /tmp, a volume and no-new-privileges. $1 is
# the root, $2 the volume's folder outside and $3 inside.
_CONTAINER = """
root=$1; mount --bind "$root" "$root"; mount --bind "$2" "$root$3"
mount -t proc proc "$root/proc"; mount --rbind /sys "$root/sys"; mount --rbind /dev "$root/dev"
for each in /etc/resolv.conf /etc/hosts; do mount --bind "$each" "$root$each"; done
mount -o remount,bind,ro "$root"; mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/tmp"
shift 3; exec setpriv --no-new-privs "$@"
"""


class StandInError(Exception):
    """A base image that nothing stands for."""


def make_base(image: str, folder: Path) -> None:
    """A root file system to begin with, like that of an image. Raises StandInError for an unknown
    one and CalledProcessError."""
    if image not in STAND_INS:
        raise StandInError(f"nothing stands for {image} here; known is {', '.join(STAND_INS)}")
    release, packages = STAND_INS[image]
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    mirror = os.environ.get("DEBIAN_MIRROR")
    subprocess.run(
        [
            "debootstrap",
            "--variant=minbase",
            f"--include={','.join(packages)}",
            release,
            str(folder),
            *([mirror] if mirror else []),
        ],
        check=True,
        stdout=sys.stderr,
    )
    for left_out in (*_LEFT_OUT, *_FETCHED):
        for each in (folder / left_out).glob("*"):
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    for name in ("hosts", "resolv.conf"):  # for those of this machine to be laid upon
        (folder / "etc" / name).touch()


def copy_root(origin: Path, folder: Path) -> None:
    """Another root file system with the same content."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["cp", "--archive", "--reflink=auto", origin, folder], check=True)


def run_in(
    root: Path, command: Sequence[str], environment: Mapping[str, str], user: str, folder: str
) -> None:
    """Run a command of a build, which is given what pip has been told outside; raises
    CalledProcessError."""
    told, files = outside_pip()
    inside = within(root, command, told | dict(environment), user, folder)
    subprocess.run(
        [*_UNSHARE, "sh", "-euc", _BUILD, "sh", root, *files, "--", *inside],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )


def within(
    root: Path, command: Sequence[str], environment: Mapping[str, str], user: str, folder: str
) -> list[str]:
    """The command that runs a command in a root, by its PATH, with nothing of our environment."""
    number, _, group = user.partition(":")
    identity = f"--userspec={number}:{group or number}" if number != "root" else "--userspec=0:0"
    assigned = [f"{name}={value}" for name, value in environment.items()]
    return [
        *("chroot", identity, "--groups=", str(root), "/usr/bin/env", "--ignore-environment"),
        *(f"--chdir={folder}", *assigned, *command),
    ]


def container(
    root: Path,
    volume: tuple[Path, str],
    command: Sequence[str],
    environment: Mapping[str, str],
    user: str,
    folder: str,
) -> list[str]:
    """The command that starts a container: its root cannot be written but for /tmp and the volume,
    and the command is its process 1. volume: where it is outside, and inside."""
    outside, inside = volume
    return [
        *(*_UNSHARE, "sh", "-euc", _CONTAINER, "sh", str(root), str(outside), inside),
        *within(root, command, environment, user, folder),
    ]


def beside(
    pid: int, command: Sequence[str], environment: Mapping[str, str], user: str, folder: str
) -> list[str]:
    """The command that runs another one in the container whose process 1 is known outside by `pid`,
    as an engine does for HEALTHCHECK."""
    number, _, group = user.partition(":")
    assigned = [f"{name}={value}" for name, value in environment.items()]
    return [
        *("nsenter", f"--target={pid}", "--mount", "--pid", "--root", f"--setuid={number}"),
        *(f"--setgid={group or number}", "--", "/usr/bin/env", "--ignore-environment"),
        *(f"--chdir={folder}", *assigned, *command),
    ]


@cache
def outside_pip() -> tuple[dict[str, str], list[str]]:
    """What pip is told outside, by files or by the environment, as variables, and the files and
    folders that these name: so that packages come from where they come from here."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    told = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        variable = "PIP_" + name.rpartition(".")[2].upper().replace("-", "_")
        told[variable] = " ".join(str(ast.literal_eval(value)).split())
    values = "\n".join(told.values())
    files = {Path(each) for each in re.findall(r"(?:^|\s)(/\S+)", values)}
    # What the pages of an index name lies beside them.
    indexes = {Path(each).parent for each in re.findall(r"file://(/\S+)", values)}
    return told, sorted(str(each) for each in files | indexes if each.exists())


def size(folder: Path) -> int:
    """Bytes of all files, each counted once."""
    seen, total = set(), 0
    for each in folder.rglob("*"):
        status = each.lstat()
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            total += status.st_size if each.is_symlink() or each.is_file() else 0
    return total
