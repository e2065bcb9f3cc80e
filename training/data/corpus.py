"""Data sets built from the works: paragraphs of twenty sentences, split once and for all.

- `reference`: what the published model was trained on (Quijote part I, Lazarillo, Marianela,
  El árbol de la ciencia, La Regenta). All data sets share its validation split.
- `five-works`: the same and part II of the Quijote, for training only.
- `all`: the same and CoNSSA (209 novels of 1880 to 1939), for training only, except for a fiftieth
  of its paragraphs, held back for the classifier of `benchmarks.styles`, which must learn authors
  from texts that the decoder did not read.

A paragraph's place follows from a hash of its work, its number and the published seed, so a split
depends on no random generator and on no other paragraph.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from model.files import write_json, write_text
from model.text.sentences import split_sentences
from model.text.tokenizer import Tokenizer
from training.data.cleaning import CorpusError, check_fingerprints, clean_work, decode_bytes
from training.data.conssa import novels as conssa_novels
from training.data.leakage import Gate
from training.data.works import REFERENCE_PARTS, WORKS, Work

CorpusName = Literal["reference", "five-works", "all"]
SEED = 20240501
PARAGRAPH_SENTENCES = 20
VALIDATION_SHARE = 0.05
DEV_SHARE = 0.02
HELD_SHARE = 0.02
FORMAT = "litteragpt-corpus-1"
SPLITS = ("train", "dev", "validation")
HELD = "held"  # only `all` has it


@dataclass(frozen=True)
class Paragraph:
    """Consecutive sentences of one work."""

    work: str
    style: str
    index: int
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """The sentences chained with single spaces."""
        return " ".join(self.sentences)


@dataclass(frozen=True)
class Corpus:
    """A built data set, in memory."""

    name: str
    tokenizer: Tokenizer
    train: tuple[Paragraph, ...]
    dev: tuple[Paragraph, ...]
    validation: tuple[Paragraph, ...]
    facts: dict[str, Any]
    held: tuple[Paragraph, ...] = ()

    @property
    def own(self) -> bool:
        """Whether it holds the operator's own texts (`training.data.own_author`)."""
        return "author" in self.facts

    @property
    def everything(self) -> tuple[Paragraph, ...]:
        """All paragraphs."""
        return (*self.train, *self.dev, *self.validation, *self.held)

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Read what `save` wrote; raises CorpusError when it is not there or not whole."""
        try:
            facts = json.loads((folder / "corpus.json").read_text("utf-8"))
            tokenizer = Tokenizer.load(folder / "tokenizer.json")
            if facts.get("format") != FORMAT:
                raise CorpusError(f"{folder}: not a built corpus of format {FORMAT!r}")
            train, dev, validation = (
                tuple(_read_paragraphs(folder / f"{split}.jsonl")) for split in SPLITS
            )
            held: tuple[Paragraph, ...] = ()
            if HELD in facts["characters"]:
                held = tuple(_read_paragraphs(folder / f"{HELD}.jsonl"))
            corpus = cls(facts["name"], tokenizer, train, dev, validation, facts, held)
            _check(corpus)
        except FileNotFoundError as error:
            raise CorpusError(
                f"{error.filename}: missing; build one with 'litteragpt corpus build'"
            ) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CorpusError(f"{folder}: damaged ({error}); build it again") from None
        return corpus

    def save(self, folder: Path) -> None:
        """Write the splits as JSON Lines, the vocabulary and the facts.

        `corpus.json` goes first and comes last, so a folder that has one is whole.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "corpus.json").unlink(missing_ok=True)
        for split in (*SPLITS, *([HELD] if self.held else [])):
            lines = (json.dumps(asdict(p), ensure_ascii=False) for p in getattr(self, split))
            write_text(folder / f"{split}.jsonl", "\n".join(lines) + "\n")
        write_json(folder / "tokenizer.json", self.tokenizer.to_json())
        write_json(folder / "corpus.json", self.facts)


def _check(corpus: Corpus) -> None:
    """Raise KeyError or ValueError where the files of a built corpus do not belong together."""
    facts = corpus.facts
    facts["normalization"], facts["sha256_validation"], facts["characters"]["train"]
    foreign = set().union(*(p.text for p in corpus.everything)) - set(corpus.tokenizer.characters)
    if foreign:
        raise ValueError(f"{' '.join(sorted(foreign))} not in the vocabulary")
    unknown = {p.style for p in corpus.everything} - set(corpus.tokenizer.styles)
    if unknown:
        raise ValueError(f"unknown style {', '.join(sorted(unknown))}")


def _read_paragraphs(path: Path) -> Iterator[Paragraph]:
    with path.open(encoding="utf-8") as lines:
        for line in filter(str.strip, lines):
            record = json.loads(line)
            yield Paragraph(
                record["work"], record["style"], record["index"], tuple(record["sentences"])
            )


def find_work(work: Work, source: Path) -> bytes:
    """The bytes of an edition of `work` below `source`, under any file name."""
    names = (work.file_name, f"{work.number}-0.txt", f"{work.number}-8.txt", f"{work.number}.txt")
    tried = []
    for folder in (source, source / "gutenberg"):
        for path in (folder / name for name in names):
            if path.is_file():
                raw = path.read_bytes()
                try:
                    check_fingerprints(work, decode_bytes(raw))
                except CorpusError as error:
                    raise CorpusError(f"{path}: {error}") from None
                return raw
            tried.append(path.name)
    raise CorpusError(
        f"{source}: «{work.title}» not found (looked for {', '.join(dict.fromkeys(tried))}, there "
        "and in gutenberg/); fetch it with 'litteragpt corpus download'"
    )


def paragraphs(work: str, style: str, prose: str) -> list[Paragraph]:
    """Cut prose into paragraphs of twenty sentences; the last may be shorter."""
    sentences = split_sentences(prose)
    return [
        Paragraph(work, style, index, tuple(sentences[start : start + PARAGRAPH_SENTENCES]))
        for index, start in enumerate(range(0, len(sentences), PARAGRAPH_SENTENCES))
    ]


def _place(paragraph: Paragraph) -> bytes:
    key = f"{SEED}:{paragraph.work}:{paragraph.index}"
    return hashlib.sha256(key.encode()).digest()


def shuffled(items: Iterable[Paragraph]) -> list[Paragraph]:
    """In the published random order."""
    return sorted(items, key=_place)


def without_leaks(items: Sequence[Paragraph], gate: Gate) -> tuple[list[Paragraph], int]:
    """The paragraphs less every sentence that shares a long run with the text of the gate.

    Also returns how many sentences went.
    """
    kept, removed = [], 0
    for paragraph in items:
        leaking = gate.leaking_sentences(paragraph.sentences)
        removed += len(leaking)
        sentences = tuple(s for i, s in enumerate(paragraph.sentences) if i not in leaking)
        if sentences:
            kept.append(replace(paragraph, sentences=sentences))
    return kept, removed


def build(name: CorpusName, source: Path, report: Callable[[str], None]) -> Corpus:
    """Build data set `name` from the texts below `source`; calls `report` for each work."""
    reference: list[Paragraph] = []
    more: list[Paragraph] = []
    for work in WORKS:
        for part, prose in clean_work(work, find_work(work, source)).items():
            if part in REFERENCE_PARTS:
                reference += paragraphs(part, work.style, prose)
            elif name != "reference":
                more += paragraphs(part, work.style, prose)
        report(work.title)
    novels: list[Paragraph] = []
    if name == "all":
        for novel, style, prose in conssa_novels(source):
            novels += paragraphs(novel, style, prose)
            report(novel)

    validation, rest = _divided(reference, VALIDATION_SHARE)
    held, novels = _divided(novels, HELD_SHARE)
    train, removed = without_text_of(validation, rest + shuffled(more + novels))
    dev_size = round(len(rest) * DEV_SHARE)
    dev, train = train[:dev_size], train[dev_size:]
    if held:
        train, more_removed = without_text_of(held, train)
        removed += more_removed
    splits = {"train": train, "dev": dev, "validation": validation}
    if held:
        splits[HELD] = held
    styles = list(dict.fromkeys(work.style for work in WORKS))
    found = {paragraph.style for part in splits.values() for paragraph in part}
    return assembled(name, styles + sorted(found - set(styles)), splits, removed)


def _divided(items: list[Paragraph], share: float) -> tuple[list[Paragraph], list[Paragraph]]:
    """The first `share` of them in the published order, and the others in that order."""
    order = shuffled(items)
    count = round(len(order) * share)
    return order[:count], order[count:]


def without_text_of(
    held: Iterable[Paragraph], items: Sequence[Paragraph]
) -> tuple[list[Paragraph], int]:
    """The paragraphs less every sentence that repeats a long run of the held ones, and how many
    sentences went."""
    return without_leaks(items, Gate.of_texts(paragraph.text for paragraph in held))


def assembled(
    name: str,
    styles: Sequence[str],
    splits: Mapping[str, Sequence[Paragraph]],
    removed: int,
    **more: str,
) -> Corpus:
    """The data set of these parts (train, dev, validation and perhaps held), its vocabulary and
    its facts; `removed` sentences were taken out by the gate, `more` are further facts."""
    everything = [paragraph for part in splits.values() for paragraph in part]
    tokenizer = Tokenizer.from_texts((p.text for p in everything), styles)
    # The space that would chain a paragraph to the next counts as a character of the stream.
    characters = {split: sum(len(p.text) + 1 for p in part) for split, part in splits.items()}
    facts = {
        "format": FORMAT,
        "name": name,
        "seed": SEED,
        "normalization": "NFC",
        "paragraph_sentences": PARAGRAPH_SENTENCES,
        "characters": characters,
        "paragraphs": {split: len(part) for split, part in splits.items()},
        "vocabulary": tokenizer.size,
        "sentences_removed_by_leakage_gate": removed,
        "sha256_validation": hashlib.sha256(
            "\n".join(p.text for p in splits["validation"]).encode()
        ).hexdigest(),
        **more,
    }
    parts = {part: tuple(paragraphs) for part, paragraphs in splits.items()}
    return Corpus(name, tokenizer, **parts, facts=facts)
