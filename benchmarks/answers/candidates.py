"""The effect of candidates on answers, and of each ranking rule on the first sentence.

Everyday phrases and phrases from the development part are continued with 1, 8, 32 and 64
candidates. The rules of `model.ranking.ranking`, by which the choice was made, count the faults of
the chosen sentences: only a blind reading says whether the texts are better (docs/performance.md).
The second table draws 32 candidates of each first sentence once and chooses among them with one
rule switched off at a time: it counts the chosen sentences that violate that rule.

    python -m benchmarks.answers.candidates --data data/five-works [--checkpoint small]
        [--candidates 1 8 32 64] [--phrases 40] [--seeds 1] [--temperature 0.6] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.answers.everyday import EVERYDAY
from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint
from model.engine.backend import Backend
from model.engine.engine import Engine
from model.engine.generate import compose
from model.engine.loaded_model import LoadedModel
from model.ranking.candidate import Candidate
from model.ranking.fault import Fault
from model.ranking.ranking import Judgement, Ranking
from model.runtime import choose_runtime
from model.text.prompt import Options
from training.data.corpus import Corpus
from training.run.machine import describe_machine

SENTENCES, DRAWN = 2, 32
_ERRORS = Console(stderr=True)


@dataclass(frozen=True)
class Written:
    """An answer: the phrase, its continuation, the faults of each sentence, and seconds."""

    phrase: str
    continuation: str
    faults: tuple[tuple[str, ...], ...]
    seconds: float


@dataclass(frozen=True)
class Row:
    """The answers with one number of candidates. altered: phrases whose last word was carried on;
    duplicates: answers that another seed gave too; faults: sentences in a hundred, by rule."""

    candidates: int
    answers: int
    altered: int
    duplicates: int
    characters_p50: float
    characters_p95: float
    seconds_p50: float
    seconds_p95: float
    faultless: float
    faults: dict[str, float]


def development(corpus: Corpus, count: int) -> list[str]:
    """Beginnings, four words long, of sentences all over the development part."""
    sentences = [
        sentence
        for paragraph in corpus.dev
        for sentence in paragraph.sentences
        if len(sentence.split()) > 7
    ]
    step = max(1, len(sentences) // max(1, count))
    return [" ".join(each.split()[:4]).rstrip(",;:") for each in sentences[::step][:count]]


def write(
    checkpoint: LoadedModel[Backend], engine: Engine, phrase: str, options: Options
) -> Written:
    """One answer, alone on the engine."""
    ranking = Ranking(checkpoint.lexicon)
    begun = time.perf_counter()
    text = compose(checkpoint, phrase, options)
    engine.add(text)
    while engine.busy:
        engine.step()
    seconds = time.perf_counter() - begun
    faults = []
    before = "" if text.inherited else text.prompt.text
    for number, sentence in enumerate(text.sentences):
        inherited = text.inherited if number == 0 else ""
        judged = ranking.judge(
            Candidate(
                phrase=text.prompt.text,
                before=before,
                sentence=sentence,
                own=sentence[len(inherited) :],
                likelihood=float("nan"),
                cut=False,
                style=options.style,
            )
        )
        faults.append(tuple(map(str, judged.faults)))
        before = f"{before} {sentence}".strip()
    return Written(text.prompt.phrase.text, text.continuation, tuple(faults), seconds)


def row(candidates: int, written: Sequence[Written]) -> Row:
    """The figures of these answers."""
    lengths = [len(each.continuation) for each in written]
    seconds = [each.seconds for each in written]
    sentences = [faults for each in written for faults in each.faults]
    counted = Counter(fault for faults in sentences for fault in faults)
    texts = Counter((each.phrase, each.continuation) for each in written)
    return Row(
        candidates=candidates,
        answers=len(written),
        altered=sum(
            each.phrase[-1].isalpha() and each.continuation[:1].isalpha() for each in written
        ),
        duplicates=sum(count - 1 for count in texts.values()),
        characters_p50=statistics.median(lengths),
        characters_p95=float(np.percentile(lengths, 95)),
        seconds_p50=statistics.median(seconds),
        seconds_p95=float(np.percentile(seconds, 95)),
        faultless=100 * sum(not faults for faults in sentences) / len(sentences),
        faults={str(each): 100 * counted[each] / len(sentences) for each in Fault},
    )


class Remembering(Ranking):
    """A ranking that remembers the judgements of the last choice."""

    judgements: Sequence[Judgement] = ()
    uniform = 0.0

    def choose(self, judgements: Sequence[Judgement], uniform: float) -> int:
        """See Ranking."""
        self.judgements, self.uniform = judgements, uniform
        return super().choose(judgements, uniform)

    def kept(self, off: Fault | None = None) -> Judgement:
        """The judgement, with all faults, of the sentence chosen with a rule switched off."""
        seen = [
            replace(each, faults=tuple(fault for fault in each.faults if fault is not off))
            for each in self.judgements
        ]
        return self.judgements[super().choose(seen, self.uniform)]


def without_each_rule(
    checkpoint: LoadedModel[Backend], engine: Engine, phrases: Sequence[str], options: Options
) -> dict[str, tuple[float, float]]:
    """By rule: first sentences in a hundred that violate it, with the rule on, and switched off."""
    ranking = Remembering(checkpoint.lexicon)
    on, off = Counter[Fault](), Counter[Fault]()
    for seed, phrase in enumerate(track(phrases, "rules", transient=True, console=_ERRORS)):
        chosen = replace(options, seed=seed, sentences=1, candidates=DRAWN)
        engine.add(compose(checkpoint, phrase, chosen, ranking))
        while engine.busy:
            engine.step()
        on.update(ranking.kept().faults)
        off.update(fault for fault in Fault if fault in ranking.kept(fault).faults)
    share = 100 / len(phrases)
    return {str(each): (share * on[each], share * off[each]) for each in Fault}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", default="small")
    parser.add_argument("--candidates", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--phrases", type=int, default=40, help="of the development part")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=Options.temperature)
    parser.add_argument("--top-p", type=float, default=Options.top_p)
    parser.add_argument("--no-rules", action="store_true", help="leave the second table out")
    parser.add_argument("--texts", type=Path, help="also write the answers, one JSON object a line")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    arguments = parser.parse_args()

    runtime = choose_runtime()
    checkpoint = runtime.load(find_checkpoint(arguments.checkpoint, bundled_checkpoints()))
    phrases = [*EVERYDAY, *development(Corpus.load(arguments.data), arguments.phrases)]
    options = Options(sentences=SENTENCES, temperature=arguments.temperature, top_p=arguments.top_p)
    engine = Engine(checkpoint, max(DRAWN, *arguments.candidates))
    rows, texts = [], []
    for count in arguments.candidates:
        written = [
            write(checkpoint, engine, phrase, replace(options, seed=seed, candidates=count))
            for seed in range(arguments.seeds)
            for phrase in track(phrases, f"{count}", transient=True, console=_ERRORS)
        ]
        rows.append(row(count, written))
        texts += [{"candidates": count} | asdict(each) for each in written]
    rules = {}
    if not arguments.no_rules:
        rules = without_each_rule(checkpoint, engine, phrases, options)
    if arguments.texts is not None:
        lines = (json.dumps(each, ensure_ascii=False) for each in texts)
        arguments.texts.write_text("\n".join(lines) + "\n", "utf-8")
    about = {
        "checkpoint": checkpoint.id,
        "temperature": arguments.temperature,
        "top_p": arguments.top_p,
        "engine": runtime.engine,
        "machine": describe_machine(runtime.device),
    }
    if arguments.json:
        found = {**about, "rows": [asdict(each) for each in rows], "rules": rules}
        print(json.dumps(found, ensure_ascii=False))
    else:
        report(about, rows, rules)


def report(
    about: dict[str, Any], rows: Sequence[Row], rules: dict[str, tuple[float, float]]
) -> None:
    """Print both tables."""
    console = Console(width=110)
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    table = Table("figure", *(f"{each.candidates}" for each in rows), title="candidates")
    for name in ("answers", "altered", "duplicates"):
        table.add_row(name, *(str(getattr(each, name)) for each in rows))
    for name in ("characters_p50", "characters_p95"):
        table.add_row(name, *(f"{getattr(each, name):.0f}" for each in rows))
    for name in ("seconds_p50", "seconds_p95"):
        table.add_row(name, *(f"{getattr(each, name):.2f}" for each in rows))
    table.add_row("faultless sentences, %", *(f"{each.faultless:.1f}" for each in rows))
    for fault in Fault:
        table.add_row(f"{fault}, %", *(f"{each.faults[fault]:.1f}" for each in rows))
    console.print(table)
    if rules:
        table = Table("rule", "on, %", "off, %", title=f"first sentences, {DRAWN} candidates")
        for name, (on, off) in rules.items():
            table.add_row(name, f"{on:.1f}", f"{off:.1f}")
        console.print(table)


if __name__ == "__main__":
    main()
