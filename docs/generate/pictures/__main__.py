"""Make them all: python -m docs.generate.pictures [FOLDER]."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from docs.generate.pictures.chat import draw_discord, draw_telegram
from docs.generate.pictures.conversations import converse
from docs.generate.pictures.terminal import draw_terminal, run_in_terminal

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"
# The first three seeds, so that no text was chosen.
COMMAND = ("escribe", "En un lugar de la Mancha", "--semilla", "1")
ON_DISCORD = ("Era una noche de invierno", 2)
ON_TELEGRAM = ("El gato de la catedral", 3)


def make(folder: Path) -> None:
    """Write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        printed = run_in_terminal(COMMAND, Path(name))
        shown = asyncio.run(converse(Path(name), ON_DISCORD, ON_TELEGRAM))
    drawings = {
        "terminal.svg": draw_terminal(COMMAND, printed),
        "discord.svg": draw_discord(shown.discord),
        "telegram.svg": draw_telegram(shown.telegram),
    }
    for file, drawing in drawings.items():
        (folder / file).write_text(drawing, "utf-8")
    (folder / "card.png").write_bytes(shown.card)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    make(parser.parse_args().folder)
