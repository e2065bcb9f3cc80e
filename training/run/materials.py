"""The inputs of a run: a data set, others mixed in, initial weights, teachers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.pytorch.checkpoint import TorchCheckpoint, load_checkpoint
from model.text.tokenizer import Tokenizer
from training.data.corpus import Corpus, without_text_of
from training.data.dataset import Portion
from training.data.own_author import writable
from training.recipe.presets import Preset
from training.run.growth import check_growth, joint_vocabulary
from training.run.state import TrainingError

_MIXED = re.compile(r"(?P<folder>.+)=(?P<amount>[0-9]+)(?P<percent>%?)")


@dataclass(frozen=True)
class Mixed:
    """The training text of another data set, repeated or drawn as in `Portion`."""

    corpus: Corpus
    times: int = 1
    share: float | None = None


@dataclass(frozen=True)
class Materials:
    """The inputs of a run. The vocabulary is that of `corpus`.

    notes: sentences on the changes that made the inputs compatible.
    """

    corpus: Corpus
    mixed: tuple[Mixed, ...] = ()
    init: TorchCheckpoint | None = None
    teachers: tuple[TorchCheckpoint, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def portions(self) -> list[Portion]:
        """The portions of an epoch."""
        others = [Portion(each.corpus.train, each.times, each.share) for each in self.mixed]
        return [Portion(self.corpus.train), *others]

    def settings(self) -> dict[str, Any]:
        """Values that must not change when a run is resumed."""
        return {
            "corpus": self.corpus.name,
            "validation": self.corpus.facts["sha256_validation"],
            "vocabulary": self.corpus.tokenizer.size,
            "mixed": [[each.corpus.name, each.times, each.share] for each in self.mixed],
            "init": self.init.id if self.init else None,
            "teachers": [teacher.id for teacher in self.teachers],
        }

    def origins(self) -> dict[str, Any]:
        """The same as entries of metrics.json; empty for a plain run."""
        found: dict[str, Any] = {}
        if self.mixed:
            found["mixed"] = [
                f"{each.corpus.name} ×{each.times}"
                if each.share is None
                else f"{each.corpus.name} {each.share:.0%}"
                for each in self.mixed
            ]
        if self.init is not None:
            found["init"] = f"{self.init.name} ({self.init.id})"
        if self.corpus.own and self.init is not None and "confirmed_styles" in self.init.metrics:
            # Which authors are on offer does not change, but for the new one.
            author = self.corpus.facts["author"]
            found["confirmed_styles"] = list(dict.fromkeys((*self.init.styles, author)))
        if self.teachers:
            found["teachers"] = [f"{teacher.name} ({teacher.id})" for teacher in self.teachers]
        return found


def gather(
    data: Path,
    preset: Preset,
    *,
    mix: Sequence[str] = (),
    init: Path | None = None,
    teachers: Sequence[Path] = (),
    device: str = "cpu",
) -> Materials:
    """Load all inputs and check that they are compatible.

    The vocabulary is that of the teachers, else that of `init` extended by the data set's, else
    that of the data set. From the operator's own texts (`training.data.own_author`) it takes only
    the author: unknown characters are replaced or dropped. Raises CorpusError, CheckpointError, or
    TrainingError for incompatible inputs.

    mix: in the format of `parse_mix`.
    """
    corpus = Corpus.load(data)
    others = tuple(_load_mixed(each, corpus) for each in mix)
    if sum(each.share or 0 for each in others) >= 1:
        raise TrainingError("the shares of --mix must leave something for --data")
    start = load_checkpoint(init) if init is not None else None
    taught_by = tuple(load_checkpoint(folder, device) for folder in teachers)
    notes: list[str] = []
    if corpus.own:
        corpus = _own_as_written(corpus, [start, *taught_by], notes)
        corpus, others = _kept_apart(corpus, others, notes)
    tokenizer = _vocabulary(corpus, start, taught_by)
    for each in (corpus, *(mixed.corpus for mixed in others)):
        _check_writable(each, tokenizer)
    if start is not None:
        check_growth(start, preset.config(tokenizer))
    _check_contexts(taught_by, preset)
    return Materials(replace(corpus, tokenizer=tokenizer), others, start, taught_by, tuple(notes))


def parse_mix(text: str) -> tuple[Path, int, float | None]:
    """Folder, times and share of `FOLDER=3` (three times over) or `FOLDER=25%` (of each epoch)."""
    found = _MIXED.fullmatch(text)
    amount = int(found["amount"]) if found else 0
    if found is None or not amount or (found["percent"] and amount > 99):
        raise TrainingError(
            f"--mix cannot be {text!r}; write FOLDER=3 for three times over, "
            "or FOLDER=25% for a quarter of each epoch"
        )
    return (
        Path(found["folder"]),
        1 if found["percent"] else amount,
        (amount / 100 if found["percent"] else None),
    )


def _load_mixed(text: str, corpus: Corpus) -> Mixed:
    folder, times, share = parse_mix(text)
    other = Corpus.load(folder)
    if not corpus.own and (other.validation, other.dev) != (corpus.validation, corpus.dev):
        raise TrainingError(
            f"{folder}: holds another validation or development part than {corpus.name}, so what "
            "is measured on could be learned; build both with the same program"
        )
    return Mixed(other, times, share)


def _own_as_written(
    own: Corpus, checkpoints: Sequence[TorchCheckpoint | None], notes: list[str]
) -> Corpus:
    """A person's own texts as the first of these checkpoints can write them, and their author."""
    known = next((each.tokenizer for each in checkpoints if each is not None), own.tokenizer)
    if not known.marked:
        return own
    corpus, lost = writable(own, joint_vocabulary(known, replace(own.tokenizer, characters="")))
    if lost.words:
        notes.append(f"the checkpoint cannot write all of the text: {lost.words}")
    return corpus


def _kept_apart(
    own: Corpus, others: tuple[Mixed, ...], notes: list[str]
) -> tuple[Corpus, tuple[Mixed, ...]]:
    """The operator's own texts and the data sets mixed in, without each other's validation text.

    Their validation parts differ, so the gate works both ways: a data set that is mixed in may
    contain the operator's novel.
    """
    measured = (*own.validation, *own.dev)
    kept, removed = list[Mixed](), 0
    for each in others:
        train, count = without_text_of(measured, each.corpus.train)
        kept.append(replace(each, corpus=replace(each.corpus, train=tuple(train))))
        removed += count
    theirs = [
        paragraph for each in others for paragraph in (*each.corpus.validation, *each.corpus.held)
    ]
    train, count = without_text_of(theirs, own.train)
    removed += count
    if removed:
        notes.append(f"{removed:,} sentences are left out, since results are measured on them")
    return replace(own, train=tuple(train)), tuple(kept)


def _vocabulary(
    corpus: Corpus, init: TorchCheckpoint | None, teachers: Sequence[TorchCheckpoint]
) -> Tokenizer:
    given = [each for each in (init, *teachers) if each is not None]
    for each in given[1:]:
        if each.tokenizer != given[0].tokenizer:
            raise TrainingError(
                f"{each.path}: has another vocabulary than {given[0].path}; checkpoints that are "
                "used together must have been trained with the same one"
            )
    if not given:
        return corpus.tokenizer
    known = given[0].tokenizer
    return known if teachers or not known.marked else joint_vocabulary(known, corpus.tokenizer)


def _check_writable(corpus: Corpus, tokenizer: Tokenizer) -> None:
    if not tokenizer.marked:
        raise TrainingError("a vocabulary without marks (of 0.1.0) cannot be trained further")
    foreign = set(corpus.tokenizer.characters) - set(tokenizer.characters)
    if foreign:
        raise TrainingError(
            f"{corpus.name} holds {' '.join(sorted(foreign))}, which the vocabulary lacks"
        )
    if unknown := set(corpus.tokenizer.styles) - set(tokenizer.styles):
        raise TrainingError(
            f"{corpus.name} has the author {min(unknown)}, whom the vocabulary lacks"
        )


def _check_contexts(teachers: Sequence[TorchCheckpoint], preset: Preset) -> None:
    longest = max(phase.length for phase in preset.phases)
    for teacher in teachers:
        if teacher.decoder.config.context < longest:
            raise TrainingError(
                f"{teacher.path}: reads {teacher.decoder.config.context} characters at most and "
                f"cannot teach with windows of {longest}"
            )
