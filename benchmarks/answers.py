"""What a checkpoint writes: are the answers whole, are the words real, how long do they take?

For phrases cut from the validation text it counts answers of exactly the sentences asked for
(with a splitter of its own, simpler than the product's), the share of generated words that occur
in the corpus, sentences that had to be ended at their limit, and the time of an answer.

    python -m benchmarks.answers --data data/reference [--checkpoint small] [--phrases 200]
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from model.generation import generate
from model.places import bundled_checkpoints, find_checkpoint
from model.prompt import Options
from model.result import Result
from model.runtime import choose_runtime
from training.corpus import Corpus
from training.machine import describe_machine

WORD = re.compile(r"[^\W\d_]+")
COMPLETE = re.compile(r"[.!?][»\")\]']*$")
BOUNDARY = re.compile(r"[.!?][»\")\]']* (?=[¿¡«\"(\['—»-]*[A-ZÁÉÍÓÚÑÜ0-9])")
SHORTENED = re.compile(r"\b(?:\w|Sra?s?|Srta|Dr|Dra|Dn|Vds?|Uds?|Excmo|Ilmo|Sto|Sta|Mr|Mme)\. $")


def words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return WORD.findall(text.lower())


def phrases(corpus: Corpus, count: int) -> Iterator[str]:
    """Beginnings of different validation sentences, two to six words long."""
    chosen = random.Random(0)  # noqa: S311 (a fixed choice, no secret)
    sentences = sorted({s for p in corpus.validation for s in p.sentences if len(s.split()) > 7})
    for sentence in chosen.sample(sentences, count):
        yield " ".join(sentence.split()[: chosen.randint(2, 6)])


def whole(result: Result, wanted: int) -> bool:
    """Whether exactly as many sentences as asked for were completed behind the beginning.

    Boundaries inside the phrase and the one it may end with («¡qué diablo!», «tantas...») are the
    reader's: what comes behind a finished phrase are new sentences, and those are counted.
    """
    own = len(result.phrase) + len(" ")
    ends = [end.end() for end in BOUNDARY.finditer(result.text)]
    written = [end for end in ends if end > own and not SHORTENED.search(result.text[:end])]
    return len(written) == wanted - 1 and COMPLETE.search(result.text) is not None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", default="small")
    parser.add_argument("--phrases", type=int, default=200)
    arguments = parser.parse_args()

    runtime = choose_runtime()
    corpus = Corpus.load(arguments.data)
    checkpoint = runtime.load(find_checkpoint(arguments.checkpoint, bundled_checkpoints()))
    vocabulary = {
        word
        for split in (corpus.train, corpus.dev, corpus.validation)
        for paragraph in split
        for word in words(paragraph.text)
    }
    results, seconds = [], []
    for seed, phrase in enumerate(track(list(phrases(corpus, arguments.phrases)), "writing")):
        started = time.perf_counter()
        results.append(generate(checkpoint, phrase, Options(seed=seed)))
        seconds.append(time.perf_counter() - started)
    title = f"checkpoint {checkpoint.id}, {runtime.engine}, {describe_machine('cpu')}"
    report(results, seconds, vocabulary, title)


def report(results: list[Result], seconds: list[float], vocabulary: set[str], title: str) -> None:
    """Print the table."""
    written = [word for result in results for word in words(result.text[len(result.phrase) :])]
    known = sum(word in vocabulary for word in written)
    characters = sum(result.characters for result in results)
    table = Table(title=title)
    table.add_column("figure")
    table.add_column("value", justify="right")
    rows = {
        "answers": len(results),
        "of exactly two complete sentences": sum(whole(result, 2) for result in results),
        "sentences ended at their limit": sum(result.truncated for result in results),
        "generated words": len(written),
        "of these in the corpus": f"{100 * known / len(written):.2f} %",
        "characters of an answer, mean": f"{characters / len(results):.0f}",
        "seconds of an answer, median": f"{statistics.median(seconds):.2f}",
        "seconds of an answer, longest": f"{max(seconds):.2f}",
        "characters per second": f"{characters / sum(seconds):.0f}",
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    Console().print(table)


if __name__ == "__main__":
    main()
