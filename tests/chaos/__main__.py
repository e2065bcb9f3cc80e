"""`python -m tests.chaos --kills 1000`: the long run, with a bar while it lasts.

With `--database postgresql` it is one of several processes that is killed each time.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos.fire import Reckoning, under_fire
from tests.chaos.several import several_under_fire
from tests.cluster.postgres import serving
from tests.conftest import save_tiny


def main() -> int:
    """Run as asked on the command line; 1 when a request was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--processes", type=int, default=3, help="with postgresql")
    asked = parser.parse_args()
    columns = (TextColumn("kills"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as folder, Progress(*columns) as bar:
        save_tiny(Path(folder) / "checkpoints" / "tiny")
        task = bar.add_task("", total=asked.kills)

        def show(reckoning: Reckoning) -> None:
            bar.update(task, completed=reckoning.kills)

        scene = (Path(folder) / "checkpoints", Path(folder), asked.kills, asked.seed)
        if asked.database == "sqlite":
            reckoning = asyncio.run(under_fire(*scene, show))
        else:
            with serving() as server:
                run = several_under_fire(*scene, server.url, asked.processes, show)
                reckoning = asyncio.run(run)
    for line in reckoning.lines():
        print(line)
    for kind, count in Counter(map(kind_of, reckoning.violations)).items():
        print(f"{count} times: {kind}")
    return 1 if reckoning.discord.lost or reckoning.telegram.lost else 0


def kind_of(violation: str) -> str:
    """A violation without the ids in it."""
    return re.sub(r"/[\w-]{18,}(?=/)", "/*", violation)


if __name__ == "__main__":
    sys.exit(main())
