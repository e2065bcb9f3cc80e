"""The command `litteragpt train`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.arguments import device_named, known
from training.failures import INTERRUPTED, fail, plain_failures, tell

if TYPE_CHECKING:
    from model.checkpoint.lexicon import Lexicon
    from training.data.corpus import Corpus
    from training.recipe.presets import Preset


@plain_failures()
def train(
    data: Annotated[Path, typer.Option(help="A built data set.")],
    out: Annotated[Path, typer.Option(help="Folder of the run and its checkpoint.")],
    preset: Annotated[
        str | None,
        typer.Option(
            help="reference, base, speedrun, small, medium or tiny.",
            show_default="with --init its shape and a recipe to go on",
        ),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Length of the run in minutes.")] = None,
    steps: Annotated[int | None, typer.Option(help="Length of the run in steps.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, order and dropout.")] = 0,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Another value for a preset's field."),
    ] = None,
    init: Annotated[
        str | None, typer.Option(metavar="CHECKPOINT", help="Go on with its weights.")
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECKPOINT", help="Learn from it too; of several, their mean."),
    ] = None,
    mix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER=AMOUNT",
            help="Another data set too: 3 is three times over, 25% a quarter of each epoch.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run.")] = False,
    budget_seconds: Annotated[
        float | None, typer.Option(help="Stop safely after so long, as Ctrl-C would.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    compiled: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Compile where that works.")
    ] = True,
) -> None:
    """Train a decoder. Ctrl-C stops safely; --resume goes on from there, bit for bit."""
    recipe = _recipe(preset, init, data, change or ())
    if minutes is not None and steps is not None:
        fail("a run is as long as --minutes or --steps say, not both")
    if (minutes is not None and not minutes > 0) or (steps is not None and steps < 1) or seed < 0:
        fail("--minutes and --steps must be more than zero, --seed at least zero")
    if budget_seconds is not None and not budget_seconds > 0:
        fail("--budget-seconds must be more than zero")

    from training.recipe.tuning import MINUTES, NAME
    from training.run.materials import gather
    from training.run.options import Options
    from training.run.trainer import Trainer

    if preset is None and steps is None and minutes is None:
        steps, minutes = recipe.steps, MINUTES
    command = ["litteragpt", *sys.argv[1:]]
    options = Options(
        preset_name=preset or NAME,
        preset=recipe,
        out=out,
        command=shlex.join(command),
        steps=steps,
        minutes=minutes,
        seed=seed,
        resume=resume,
        device=device_named(device),
        compile=compiled,
        budget_seconds=budget_seconds,
    )
    materials = gather(
        data,
        recipe,
        mix=mix or (),
        init=_found(init) if init is not None else None,
        teachers=[_found(name) for name in teacher or ()],
        device=options.device,
    )
    for note in materials.notes:
        tell(note)
    outcome = Trainer(options, materials, tell).run()
    if outcome.stopped:
        again = shlex.join([*command, *([] if resume else ["--resume"])])
        fail(
            f"stopped and saved after {outcome.metrics['steps']:,} steps; go on with: {again}",
            INTERRUPTED,
        )
    write_drafts(out, data)
    _write_own_lexicon(out, data, mix or (), init)
    _tell_what_next(out, data, materials.corpus)


def _recipe(preset: str | None, init: str | None, data: Path, change: Sequence[str]) -> Preset:
    """The named preset, else the fine-tuning recipe for the checkpoint `init`."""
    from training.recipe.overrides import changed
    from training.recipe.presets import PRESETS

    if preset is not None:
        return changed(PRESETS[known(preset, PRESETS, "preset")], change)
    if init is None:
        fail(f"name a --preset ({', '.join(PRESETS)}), or --init CHECKPOINT to go on with it")

    from model.checkpoint.config import DecoderConfig
    from model.checkpoint.filenames import CONFIG
    from training.data.corpus import Corpus
    from training.recipe.tuning import tuning

    return changed(tuning(DecoderConfig.load(_found(init) / CONFIG), Corpus.load(data)), change)


def _tell_what_next(out: Path, data: Path, corpus: Corpus) -> None:
    measure = shlex.join(["litteragpt", "evaluate", str(out), "--data", str(data)])
    tell(f"the checkpoint is in {out}; measure it with: {measure}")
    if corpus.own:
        options = ["--checkpoint", str(out), "--estilo", corpus.name]
        tell(f"write with it: {shlex.join(['litteragpt', 'escribe', 'Una mañana', *options])}")


def _found(checkpoint: str) -> Path:
    from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint

    return find_checkpoint(checkpoint, bundled_checkpoints())


def write_drafts(folder: Path, data: Path) -> None:
    """Write the draft table of the checkpoint in `folder`, counted in its training text."""
    from model.checkpoint.checkpoint import read_checkpoint
    from training.data.corpus import Corpus
    from training.data.drafts import drafts_of
    from training.data.own_author import writable

    tokenizer, corpus = read_checkpoint(folder).tokenizer, Corpus.load(data)
    if corpus.own:
        corpus, _ = writable(corpus, tokenizer)
    drafts_of(tokenizer, corpus.train).save(folder)
    tell(f"drafts written into {folder}")


def _write_own_lexicon(out: Path, data: Path, mix: Sequence[str], init: str | None) -> None:
    """Write the lexicon of a run. A person's own texts have too few words for one, unless training
    began with a checkpoint that has one."""
    from model.checkpoint.lexicon import load_lexicon
    from training.data.corpus import Corpus
    from training.run.materials import parse_mix

    base = load_lexicon(_found(init)) if init is not None else None
    if base is None and Corpus.load(data).own:
        return
    write_lexicon(out, [data, *(parse_mix(each)[0] for each in mix)], base=base)


def write_lexicon(
    folder: Path,
    data: Sequence[Path],
    words: Sequence[Path] = (),
    dictionary: Path | None = None,
    base: Lexicon | None = None,
) -> None:
    """Write the lexicon of the checkpoint in `folder`, which was trained on the data sets `data`;
    the words of `words` and of a dictionary are known too, and what `base` knows."""
    from model.checkpoint.checkpoint import read_checkpoint
    from training.data.corpus import Corpus
    from training.data.dictionary import dictionary_forms
    from training.data.lexicon import make_lexicon

    read_checkpoint(folder)  # a folder without a checkpoint is given no lexicon
    trained_on = [paragraph for each in data for paragraph in Corpus.load(each).train]
    others = (Corpus.load(each).train for each in words)
    more = dictionary_forms(dictionary) if dictionary is not None else ()
    make_lexicon(trained_on, others, more, base).save(folder)
    tell(f"lexicon written into {folder}")
