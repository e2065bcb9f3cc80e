"""The quality of a checkpoint's answers beyond its loss: complete, Spanish, original?

For phrases cut from the validation text it counts answers with exactly the requested number of
sentences (with its own splitter, simpler than the product's) and sentences cut at their limit. For
the answers, and for the book's own continuations of the same phrases, it reports the share of words
that occur in the corpus, repetition within and between texts, the length of sentences, and the
longest run that a training paragraph also contains.

    python -m benchmarks.answers --data data/five-works [--checkpoint small] [--phrases 200]
        [--temperature 0.6] [--candidates 1] [--json] [--picture build/answers.png]

The data set should be the checkpoint's training data: copies from other data are not found.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.answers.picture import draw
from benchmarks.answers.prose import Prose, Text, measure
from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint
from model.engine.backend import Backend
from model.engine.generate import generate
from model.engine.loaded_model import LoadedModel
from model.engine.result import Result
from model.runtime import choose_runtime
from model.text.prompt import Options
from training.data.corpus import Corpus
from training.run.machine import describe_machine

COMPLETE = re.compile(r"[.!?][»\")\]']*$")
BOUNDARY = re.compile(r"[.!?][»\")\]']* (?=[¿¡«\"(\['—»-]*[A-ZÁÉÍÓÚÑÜ0-9])")
SHORTENED = re.compile(r"\b(?:\w|Sra?s?|Srta|Dr|Dra|Dn|Vds?|Uds?|Excmo|Ilmo|Sto|Sta|Mr|Mme)\. $")
WANTED = 2  # sentences
SHOWN_WORDS, SHOWN_COPIES = 12, 3


@dataclass(frozen=True)
class Beginning:
    """A phrase, and what the book has: the sentence that it begins and the one behind."""

    phrase: str
    book: Text


@dataclass(frozen=True)
class Answers:
    """The answers.

    whole: number of answers with exactly the requested sentences.
    truncated: number of sentences cut within a clause.
    characters, seconds: per answer.
    """

    whole: int
    truncated: int
    characters: list[int]
    seconds: list[float]


def beginnings(corpus: Corpus, count: int) -> list[Beginning]:
    """Beginnings, two to six words long, of up to `count` different validation sentences.

    No sentence stands in two of them, or the books would seem to repeat each other.
    """
    chosen = random.Random(0)  # noqa: S311 (a fixed choice, no secret)
    pairs = {
        first: second
        for paragraph in corpus.validation
        for first, second in zip(paragraph.sentences[::2], paragraph.sentences[1::2], strict=False)
        if len(first.split()) > 7
    }
    found = []
    for first in chosen.sample(sorted(pairs), min(count, len(pairs))):
        phrase = " ".join(first.split()[: chosen.randint(2, 6)])
        written = f"{first[len(phrase) :]} {pairs[first]}"
        found.append(Beginning(phrase, Text(written, (first, pairs[first]))))
    return found


def whole(result: Result, wanted: int) -> bool:
    """Whether exactly as many sentences as asked for were completed behind the beginning.

    Boundaries inside the phrase and the one it may end with («¡qué diablo!», «tantas...») are the
    reader's: what comes behind a finished phrase are new sentences, and those are counted.
    """
    own = len(result.phrase) + len(" ")
    ends = [end.end() for end in BOUNDARY.finditer(result.text)]
    written = [end for end in ends if end > own and not SHORTENED.search(result.text[:end])]
    return len(written) == wanted - 1 and COMPLETE.search(result.text) is not None


def write(
    checkpoint: LoadedModel[Backend],
    found: Sequence[Beginning],
    temperature: float,
    candidates: int,
) -> tuple[Answers, list[Text]]:
    """Continue every phrase, one at a time, seeds counting up from 0."""
    results, seconds = [], []
    for seed, beginning in enumerate(
        track(found, "writing", transient=True, console=Console(stderr=True))
    ):
        options = Options(
            sentences=WANTED, seed=seed, temperature=temperature, candidates=candidates
        )
        started = time.perf_counter()
        results.append(generate(checkpoint, beginning.phrase, options))
        seconds.append(time.perf_counter() - started)
    answers = Answers(
        whole=sum(whole(result, WANTED) for result in results),
        truncated=sum(result.truncated for result in results),
        characters=[result.characters for result in results],
        seconds=seconds,
    )
    return answers, [Text(own_part(each), each.sentences) for each in results]


def own_part(result: Result) -> str:
    """The new text, whole words only: it may complete the phrase's last word (Era, Eranse)."""
    written = result.continuation
    if not written[:1].isalpha() or not result.phrase[-1].isalpha():
        return written
    return re.split(r"\W", result.phrase)[-1] + written


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", default="small")
    parser.add_argument("--phrases", type=int, default=200)
    parser.add_argument("--temperature", type=float, default=Options.temperature)
    parser.add_argument("--candidates", type=int, default=1, help="from which each is chosen")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--picture", type=Path, help="a PNG of sentence lengths and copied runs")
    arguments = parser.parse_args()

    runtime = choose_runtime()
    corpus = Corpus.load(arguments.data)
    checkpoint = runtime.load(find_checkpoint(arguments.checkpoint, bundled_checkpoints()))
    found = beginnings(corpus, arguments.phrases)
    answers, texts = write(checkpoint, found, arguments.temperature, arguments.candidates)
    written, books = measure(texts, corpus), measure([each.book for each in found], corpus)
    about = {
        "checkpoint": checkpoint.id,
        "trained_on": checkpoint.metrics.get("corpus", {}).get("name"),
        "data": corpus.name,
        "temperature": arguments.temperature,
        "candidates": arguments.candidates,
        "engine": runtime.engine,
        "machine": describe_machine(runtime.device),
    }
    if arguments.picture is not None:
        draw(written, books, arguments.picture, f"{checkpoint.name} {checkpoint.id}, {corpus.name}")
    if arguments.json:
        print(json.dumps(as_json(about, answers, written, books), ensure_ascii=False))
    else:
        report(about, answers, written, books)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Percentiles and the most."""
    marks = {f"p{mark}": float(np.percentile(values, mark)) for mark in (10, 50, 90, 95, 99)}
    return {**marks, "most": float(max(values))}


def as_json(
    about: dict[str, Any], answers: Answers, written: Prose, books: Prose
) -> dict[str, Any]:
    """Everything measured, and the percentiles beside the lists they are of."""

    def prose(found: Prose) -> dict[str, Any]:
        lists = ("sentence_lengths", "copied_characters", "copied_words")
        return {
            **asdict(found),
            "percentiles": {name: spread(getattr(found, name)) for name in lists},
        }

    return {
        **about,
        "answers": asdict(answers),
        "written": prose(written),
        "books": prose(books),
    }


def report(about: dict[str, Any], answers: Answers, written: Prose, books: Prose) -> None:
    """Print the tables, the words that no book has and the longest copies."""
    console = Console(width=100)
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    table = Table("figure", "value", title="answers")
    for name, value in {
        "answers": written.texts,
        "of exactly two complete sentences": answers.whole,
        "sentences cut within a clause": answers.truncated,
        "characters of an answer, p50 / p95 / most": _percentiles(
            answers.characters, "p50", "p95", "most"
        ),
        "seconds of an answer, median": f"{statistics.median(answers.seconds):.2f}",
        "seconds of an answer, longest": f"{max(answers.seconds):.2f}",
        "characters per second": f"{sum(answers.characters) / sum(answers.seconds):.0f}",
    }.items():
        table.add_row(name, str(value))
    console.print(table)
    table = Table("figure", "written", "the books", title="prose")
    for name, tell in FIGURES.items():
        table.add_row(name, tell(written), tell(books))
    console.print(table)
    console.print("Words that no book has:", ", ".join(written.unknown[:SHOWN_WORDS]) or "-")
    console.print("The longest copies:")
    for copy in sorted(written.copies, key=len, reverse=True)[:SHOWN_COPIES]:
        console.print(f"  {len(copy)}: {copy.strip()}", markup=False)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _percentiles(values: Sequence[float], *marks: str) -> str:
    found = spread(values)
    return " / ".join(f"{found[mark]:.0f}" for mark in marks)


FIGURES: dict[str, Callable[[Prose], str]] = {
    "words": lambda found: f"{found.words:,}",
    "of these in the corpus": lambda found: _percent(found.in_corpus),
    "of these in its training part": lambda found: _percent(found.in_training),
    "runs of four words that stand earlier in the text": lambda found: _percent(found.repeated),
    "runs of four words that another text has too": lambda found: _percent(found.shared),
    "characters of a sentence, p10 / p50 / p90": lambda found: _percentiles(
        found.sentence_lengths, "p10", "p50", "p90"
    ),
    "longest run copied, characters, p50 / p99 / most": lambda found: _percentiles(
        found.copied_characters, "p50", "p99", "most"
    ),
    "longest run copied, words, p50 / p99 / most": lambda found: _percentiles(
        found.copied_words, "p50", "p99", "most"
    ),
}


if __name__ == "__main__":
    main()
