"""Build the image of the Dockerfile without a container engine, and see whether it does its work.

    python -m deploy.proof [--build-arg NAME=value ...] [--keep]

Each step of the Dockerfile is carried out in a root file system that debootstrap makes, in the
place of the base image; then the bot is started as a container would be, with its root read-only,
against the servers of tests/fakes on this machine. Needs root, debootstrap, Debian's packages and
those of Python, which come from where pip takes them here. See docs/operating.md.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import shutil
import sys
import time
from pathlib import Path

from deploy.proof.building import build
from deploy.proof.checks import Container, check_all
from deploy.proof.dockerfile import read_stages
from deploy.proof.places import FOLDER, REPOSITORY, report, stage_folder
from deploy.proof.root import BASE_ENVIRONMENT, size


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=value")
    parser.add_argument("--keep", action="store_true", help="check what was built before")
    options = parser.parse_args()
    arguments = dict(each.split("=", 1) for each in options.build_arg)
    stages = read_stages(REPOSITORY / "Dockerfile", BASE_ENVIRONMENT, arguments)
    started = time.monotonic()
    root = stage_folder(len(stages) - 1)
    if not options.keep:
        build(stages)
        report("build", f"{time.monotonic() - started:.0f} s")
    _weigh(root)
    state = FOLDER / "state"
    shutil.rmtree(state, ignore_errors=True)
    wrong = asyncio.run(check_all(Container(root, stages[-1], state)))
    report("machine", f"{platform.platform()}, {time.strftime('%Y-%m-%d')}")
    print("nothing is wrong" if not wrong else f"{wrong} checks failed")
    return min(wrong, 1)


def _weigh(root: Path) -> None:
    """How large the image is, and what is large in it."""
    total, program = size(root), root / "app"
    report("image, unpacked", f"{total / 1e6:.0f} MB")
    report("of it /app", f"{size(program) / 1e6:.0f} MB")
    packages = sorted(
        ((size(each), each.name) for each in program.glob("lib/python*/site-packages/*/")),
        reverse=True,
    )
    for weight, name in packages[:8]:
        report(f"    {name}", f"{weight / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
