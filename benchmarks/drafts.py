"""The gain of the draft table: the same texts with and without it, and the steps that it saves.

    python -m benchmarks.drafts --data data/reference [--characters 100000] [--rows 1]

Phrases are cut from the validation text, seeds count up from 0, everything else is as in the bot.
Ends with 1 when a text differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint
from model.cpu import available_cores
from model.engine.backend import Backend
from model.engine.engine import Engine
from model.engine.generate import compose
from model.engine.loaded_model import LoadedModel
from model.native.decoder import load_native, set_threads
from model.text.prompt import Options
from training.data.corpus import Corpus
from training.run.machine import describe_machine

PHRASE = 40  # characters


@dataclass(frozen=True)
class Written:
    """Texts, and the cost of writing them."""

    texts: list[str]
    characters: int
    steps: int
    seconds: float


def write(checkpoint: LoadedModel[Backend], phrases: list[str], rows: int) -> Written:
    """Continue all phrases with one engine."""
    engine, steps = Engine(checkpoint, rows), 0
    sequences = [
        compose(checkpoint, phrase, Options(seed=seed)) for seed, phrase in enumerate(phrases)
    ]
    for sequence in sequences:
        engine.add(sequence)
    begun = time.perf_counter()
    while engine.busy:
        engine.step()
        steps += 1
    seconds = time.perf_counter() - begun
    written = sum(sequence.characters for sequence in sequences)
    return Written([sequence.text for sequence in sequences], written, steps, seconds)


def main() -> int:
    """Write in portions, in turn with and without the draft table, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", default="small")
    parser.add_argument("--characters", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1)
    arguments = parser.parse_args()

    set_threads(available_cores())
    guessing = load_native(find_checkpoint(arguments.checkpoint, bundled_checkpoints()))
    paragraphs = [each.text for each in Corpus.load(arguments.data).validation]
    phrases = [text[:PHRASE].strip() for text in paragraphs if len(text) > PHRASE]
    found: dict[bool, list[Written]] = {True: [], False: []}
    different = 0
    for first in range(0, len(phrases), 4 * arguments.rows):
        portion = phrases[first : first + 4 * arguments.rows]
        for guesses in found:
            checkpoint = guessing if guesses else replace(guessing, drafts=None)
            found[guesses].append(write(checkpoint, portion, arguments.rows))
        pairs = zip(found[True][-1].texts, found[False][-1].texts, strict=True)
        different += sum(one != other for one, other in pairs)
        if sum(each.characters for each in found[True]) >= arguments.characters:
            break
    print(f"checkpoint {guessing.id}, {describe_machine('cpu')}, {arguments.rows} at once")
    for guesses, portions in found.items():
        characters = sum(each.characters for each in portions)
        steps = sum(each.steps for each in portions)
        seconds = sum(each.seconds for each in portions)
        print(
            f"{'with' if guesses else 'without'} guesses: {characters:,} characters, "
            f"{characters / steps:.2f} a step, {characters / seconds:,.0f} a second"
        )
    print(f"{different} texts differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
