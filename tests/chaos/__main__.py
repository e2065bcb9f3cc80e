"""`python -m tests.chaos --kills 1000`: the long run, with a progress bar.

`--database postgresql` runs several processes and kills one at a time. `--executor ray` adds a
cluster and hits each component in turn."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos.everything import everything_under_fire
from tests.chaos.fire import Reckoning, under_fire
from tests.chaos.several import several_under_fire
from tests.cluster.postgres import serving
from tests.cluster.ray_nodes import ray_cluster, save_slow
from tests.conftest import save_tiny


def main() -> int:
    """Run with the options of the command line; 1 if a request was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--processes", type=int, default=3, help="with postgresql alone")
    parser.add_argument("--executor", choices=("local", "ray"), default="local")
    asked = parser.parse_args()
    columns = (TextColumn("kills"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as folder, Progress(*columns) as bar:
        task = bar.add_task("", total=asked.kills)

        def show(reckoning: Reckoning) -> None:
            bar.update(task, completed=reckoning.kills)

        reckoning = run(asked, Path(folder), show)
    for line in reckoning.lines():
        print(line)
    for kind, count in Counter(map(kind_of, reckoning.violations)).items():
        print(f"{count} times: {kind}")
    return 1 if reckoning.discord.lost or reckoning.telegram.lost else 0


def run(asked: argparse.Namespace, folder: Path, show: Callable[[Reckoning], None]) -> Reckoning:
    """Run with these options; files go to `folder`."""
    checkpoints = folder / "checkpoints"
    if asked.executor == "ray":
        save_slow(checkpoints)
        with serving() as server, ray_cluster(folder, checkpoints) as cluster:
            everything = everything_under_fire(
                cluster, server, folder, asked.kills, asked.seed, show
            )
            return asyncio.run(everything)
    save_tiny(checkpoints / "tiny")
    scene = (checkpoints, folder, asked.kills, asked.seed)
    if asked.database == "sqlite":
        return asyncio.run(under_fire(*scene, show))
    with serving() as server:
        return asyncio.run(several_under_fire(*scene, server.url, asked.processes, show))


def kind_of(violation: str) -> str:
    """A violation without ids."""
    return re.sub(r"/[\w-]{18,}(?=/)", "/*", violation)


if __name__ == "__main__":
    sys.exit(main())
