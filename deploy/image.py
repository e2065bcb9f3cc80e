"""Build the image of the Dockerfile with docker, podman or buildah.

    python3 deploy/image.py [--tag NAME] [--extras torch]

Where the registry of the base image is out of reach, Debian's debootstrap makes a base of the same
release; that needs root and happens once. pip in the build uses the index and the certificates
that pip uses here. They are build secrets, so they do not stay in the image.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
TAG = "litteragpt"
# The OCI format has no HEALTHCHECK; Docker's has. Debian's buildah has no OCI runtime beside it.
BUILD = {
    "docker": ("docker", "build"),
    "podman": ("podman", "build", "--format=docker"),
    "buildah": ("buildah", "build", "--format=docker", "--isolation=chroot"),
}
# Debian's Python stands in for the one of the base image, which is built from source.
BASE_PACKAGES = ("ca-certificates", "python3", "python3-venv", "python-is-python3")
LEFT_OUT = (
    *("usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*"),
    *("var/cache/apt/*", "var/lib/apt/lists/*"),
    *("etc/hostname", "etc/resolv.conf"),  # of this machine
)
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host")


class ImageError(Exception):
    """The image cannot be built here; the text says what to install."""


def find_builder() -> str:
    """The first of docker, podman and buildah that works; raises ImageError if none does."""
    for builder in BUILD:
        # `docker version` fails without a daemon.
        if shutil.which(builder) and _succeeds(builder, "version"):
            return builder
    raise ImageError(
        "Install docker, podman or buildah (on Debian: apt-get install buildah debootstrap)."
    )


def build(builder: str, tag: str, extras: str = "") -> None:
    """Build the image; raises ImageError and CalledProcessError."""
    base = _base(builder)
    with tempfile.TemporaryDirectory() as folder:
        _run(
            *BUILD[builder],
            *_pip_secrets(Path(folder)),
            f"--build-arg=BASE={base}",
            f"--build-arg=EXTRAS={extras}",
            f"--tag={tag}",
            str(REPOSITORY),
        )


def _base(builder: str) -> str:
    """The base image of the Dockerfile, or its stand-in where the registry is out of reach."""
    text = (REPOSITORY / "Dockerfile").read_text("utf-8")
    match = re.search(r"^ARG BASE=(\S+-slim-(\w+))$", text, re.MULTILINE)
    assert match is not None, "the Dockerfile names no base of Debian"  # noqa: S101
    image, release = match.groups()
    if _has(builder, image) or _succeeds(builder, "pull", image):
        return image
    stand_in = f"localhost/litteragpt-base:{release}"
    if not _has(builder, stand_in):
        print(f"{image} cannot be pulled; debootstrap makes {stand_in}.", flush=True)
        _make_base(builder, release, stand_in)
    return stand_in


def _make_base(builder: str, release: str, tag: str) -> None:
    """Make an image of a minimal Debian with Python. DEBIAN_MIRROR names another mirror."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise ImageError("Without a registry, the base image needs root and Debian's debootstrap.")
    mirror = os.environ.get("DEBIAN_MIRROR")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        root, context = Path(folder, "root"), Path(folder, "context")
        context.mkdir()
        include = f"--include={','.join(BASE_PACKAGES)}"
        source = [mirror] if mirror else []
        _run("debootstrap", "--variant=minbase", include, release, str(root), *source)
        excluded = [f"--exclude=./{each}" for each in LEFT_OUT]
        archive = str(context / "base.tar")
        _run("tar", "--create", f"--file={archive}", f"--directory={root}", *excluded, ".")
        (context / "Dockerfile").write_text("FROM scratch\nADD base.tar /\nENV LANG=C.UTF-8\n")
        _run(*BUILD[builder], f"--tag={tag}", str(context))


def _pip_secrets(folder: Path) -> list[str]:
    """Options that give the build pip's index and certificates. Indexes on this disk are left out:
    a build does not see them."""
    settings = _pip_settings()
    lines = ["[global]"]
    for name in PIP_SETTINGS:
        values = [each for each in settings.get(name, "").split() if "file:" not in each]
        if values:
            lines.append(f"{name} = {' '.join(values)}")
    secrets = []
    if "cert" in settings:
        lines.append("cert = /run/secrets/certificates")
        secrets.append(f"--secret=id=certificates,src={settings['cert']}")
    (folder / "pip.conf").write_text("\n".join(lines) + "\n")
    return [f"--secret=id=pip,src={folder / 'pip.conf'}", *secrets]


def _pip_settings() -> dict[str, str]:
    """What `pip config list` prints: the environment's settings, then those of files."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    settings: dict[str, str] = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        settings.setdefault(name.rpartition(".")[2], ast.literal_eval(value))
    return settings


def _has(builder: str, image: str) -> bool:
    return _succeeds(builder, "inspect", "--type=image", image)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description="Build the image of the Dockerfile.")
    parser.add_argument("--tag", default=TAG)
    parser.add_argument("--extras", default="", help='"torch" adds PyTorch')
    parser.add_argument("--check", action="store_true", help="only look for a builder")
    options = parser.parse_args(arguments)
    try:
        builder = find_builder()
        if options.check:
            print(builder)
        else:
            build(builder, options.tag, options.extras)
    except ImageError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} ended with {error.returncode}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
