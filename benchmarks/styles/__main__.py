"""Does a checkpoint write like the requested author?

A classifier learns the authors from paragraphs that the decoder did not read (development part,
validation and held-back paragraphs), and attributes the texts of each style: single texts of five
sentences and samples of fifty sentences. Its accuracy on unseen real text is the upper bound. All
styles continue the same phrases, which are excluded from the judged text; the row without a style
shows the decoder's default. Names identify books, so everything is judged again without them.

    python -m benchmarks.styles --data data/five-works [--checkpoint small] [--authors 10]
        [--samples 10] [--json] [--record]

With --record the styles with at least 80 % recognised samples, names included, are written to the
checkpoint's metrics.json: the bot offers only these authors.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.styles.authorship import (
    PIECE,
    Classifier,
    Piece,
    Scores,
    cross_validated,
    held_back,
    known_well_enough,
    pieces,
    pooled,
    without_names,
)
from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint
from model.engine.backend import Backend
from model.engine.engine import Engine
from model.engine.generate import compose
from model.engine.loaded_model import LoadedModel
from model.runtime import choose_runtime
from model.text.prompt import Options
from training.data.corpus import Corpus
from training.report.card import record_figures
from training.run.machine import describe_machine

# Beginnings that every author could have written.
PHRASES = (
    "Una mañana", "Cuando llegó la noche", "El hombre", "La mujer", "No había", "Y así",
    "En la casa", "Después de", "Era", "Todos",
)  # fmt: skip
SAMPLE = len(PHRASES)  # texts of a sample, each with another beginning
ROWS = 16
UNASKED = "(none)"
RECOGNISED = 0.8  # of the samples, to be offered
VIEWS: dict[str, Callable[[str], str]] = {
    "as it stands": lambda text: text,
    "without names": without_names,
}


@dataclass(frozen=True)
class Verdict:
    """Attributed authors of texts of five sentences, and of samples of ten such texts."""

    texts: Counter[str]
    samples: Counter[str]


# For each author, and for texts written without a style.
Verdicts = dict[str, Verdict]


def largest(corpus: Corpus, styles: Sequence[str], count: int) -> list[str]:
    """The `count` authors among `styles` with the most characters to learn from."""
    sizes = Counter[str]()
    for paragraph in corpus.train:
        sizes[paragraph.style] += len(paragraph.text)
    return [style for style, _ in sizes.most_common() if style in styles][:count]


def write(
    checkpoint: LoadedModel[Backend], styles: Sequence[str | None], samples: int
) -> dict[str, list[str]]:
    """`samples` times ten texts for each style, less the phrases, which all styles share."""
    engine = Engine(checkpoint, ROWS)
    wanted = {}
    for style in styles:
        wanted[style or UNASKED] = [
            compose(
                checkpoint,
                PHRASES[seed % SAMPLE],
                Options(sentences=PIECE, style=style, seed=seed),
            )
            for seed in range(samples * SAMPLE)
        ]
    every = [sequence for sequences in wanted.values() for sequence in sequences]
    for sequence in every:
        engine.add(sequence)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("writing", total=len(every))
        while engine.busy:
            bar.advance(task, sum(sequence.finished for sequence in engine.step()))
    return {
        style: [each.continuation.strip() for each in sequences]
        for style, sequences in wanted.items()
    }


def verdict(scores: Scores, authors: Sequence[str]) -> Verdict:
    """The author with the highest score; `authors` are the columns of the scores."""

    def named(of: Scores) -> Counter[str]:
        return Counter(authors[place] for place in of.argmax(axis=1).tolist())

    return Verdict(named(scores), named(pooled(scores, SAMPLE)))


def judge(
    known: Sequence[Piece], written: dict[str, list[str]], view: Callable[[str], str]
) -> tuple[Verdicts, Verdicts]:
    """Verdicts on real and generated texts.

    A real piece is judged by a classifier that has not read it, a generated text by one that has
    read all pieces.
    """
    seen = [replace(piece, text=view(piece.text)) for piece in known]
    classifier = Classifier(seen)
    crossed = cross_validated(seen)
    real = {}
    for author in classifier.authors:
        own = [place for place, piece in enumerate(seen) if piece.author == author]
        real[author] = verdict(crossed[own], classifier.authors)
    return real, {
        style: verdict(classifier.scores([view(text) for text in texts]), classifier.authors)
        for style, texts in written.items()
    }


def main() -> None:
    """Write, judge and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", default="small")
    parser.add_argument("--authors", type=int, default=10, help="so many, the largest first")
    parser.add_argument("--samples", type=int, default=10, help="of fifty sentences, each author")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--record", action="store_true", help="offer only the recognised styles")
    arguments = parser.parse_args()

    runtime = choose_runtime()
    corpus = Corpus.load(arguments.data)
    checkpoint = runtime.load(find_checkpoint(arguments.checkpoint, bundled_checkpoints()))
    authors = largest(corpus, checkpoint.tokenizer.styles, arguments.authors)
    held = pieces(held_back(corpus), authors)
    judged = known_well_enough(held)
    if len(judged) < 2:
        parser.exit(1, f"{arguments.data} holds back text of fewer than two of its authors\n")
    known = [piece for piece in held if piece.author in judged]
    written = write(checkpoint, [*judged, None], arguments.samples)
    found = {name: judge(known, written, view) for name, view in VIEWS.items()}
    about = {
        "checkpoint": checkpoint.id,
        "trained_on": checkpoint.metrics.get("corpus", {}).get("name"),
        "data": corpus.name,
        "not_judged": sorted(set(authors) - set(judged)),
        "engine": runtime.engine,
        "machine": describe_machine(runtime.device),
    }
    if arguments.record:
        _, written_verdicts = found["as it stands"]
        record_figures(checkpoint, confirmed_styles=recognised(written_verdicts))
    if arguments.json:
        print(json.dumps(as_json(about, found), ensure_ascii=False))
    else:
        report(about, found)


def recognised(verdicts: Verdicts) -> list[str]:
    """The styles whose samples the classifier named right often enough."""
    return [
        style
        for style, verdict in verdicts.items()
        if style != UNASKED and verdict.samples[style] >= RECOGNISED * verdict.samples.total()
    ]


def as_json(about: dict[str, Any], found: dict[str, tuple[Verdicts, Verdicts]]) -> dict[str, Any]:
    """Counts of attributed authors for each view, of real and of generated text."""

    def named(verdicts: Verdicts) -> dict[str, Any]:
        return {
            author: {"texts": each.texts, "samples": each.samples}
            for author, each in verdicts.items()
        }

    views = {
        name: {"real": named(real), "written": named(written)}
        for name, (real, written) in found.items()
    }
    return {**about, "views": views}


def report(about: dict[str, Any], found: dict[str, tuple[Verdicts, Verdicts]]) -> None:
    """Print how often the author was named who was asked for, and who else was."""
    console = Console(width=100)
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    for view, (real, written) in found.items():
        table = Table("author", "real texts", "real samples", "texts", "samples", title=view)
        for author in real:
            table.add_row(
                author,
                right(real[author].texts, author),
                right(real[author].samples, author),
                right(written[author].texts, author),
                right(written[author].samples, author),
            )
        console.print(table)
        table = Table("texts of ↓ named →", *real, title=f"{view}: whom the classifier named")
        for style, each in written.items():
            table.add_row(style, *(str(each.texts[author]) for author in real))
        console.print(table)


def right(named: Counter[str], author: str) -> str:
    """How many of how many were named so."""
    share = 100 * named[author] / named.total()
    return f"{named[author]} of {named.total()} ({share:.0f} %)"


if __name__ == "__main__":
    main()
