"""The command `litteragpt evaluate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from training.arguments import DEFAULT_CHECKPOINT, default_cache, device_named, known
from training.failures import fail, plain_failures, tell

if TYPE_CHECKING:
    from model.pytorch.checkpoint import TorchCheckpoint
    from training.report.evaluation import Evaluation

_RECORDED = "validation"
_ALL_OFFSETS = 8
_PRECISIONS = ("auto", "float32", "bfloat16")


@plain_failures()
def evaluate(
    checkpoint: Annotated[
        str, typer.Argument(help="A checkpoint's folder, or the name of a bundled one.")
    ] = DEFAULT_CHECKPOINT,
    data: Annotated[
        Path | None,
        typer.Option(help="A built data set.", show_default="reference, from the downloaded texts"),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            help="Of the data set: validation, dev, or held, which only 'all' has.",
            show_default="validation",
        ),
    ] = None,
    text: Annotated[Path | None, typer.Option(help="A UTF-8 text file.")] = None,
    offsets: Annotated[
        int,
        typer.Option(min=1, max=_ALL_OFFSETS, help="How many of the eight; fewer estimate W528."),
    ] = _ALL_OFFSETS,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[
        str,
        typer.Option(
            help="auto, float32 or bfloat16. auto: bfloat16 on a CPU with instructions for it, "
            "without --record."
        ),
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Write the figures into the checkpoint (--data).")
    ] = False,
) -> None:
    """Measure how well a checkpoint predicts a text: W528 in nats per character, bits per byte."""
    if text is not None and (data is not None or part is not None):
        fail("name either --data FOLDER, of which --part is one, or --text FILE, not both")
    if record and (text is not None or part not in {None, _RECORDED} or offsets < _ALL_OFFSETS):
        fail("--record needs --data, its validation part and all eight offsets")

    from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint
    from model.pytorch.checkpoint import load_checkpoint
    from training.data.corpus import Corpus
    from training.report.card import check_recordable
    from training.report.evaluation import Part, Reading, evaluate_corpus, evaluate_text
    from training.report.evaluation_bar import evaluation_bar

    parts: dict[str, Part] = {each: each for each in get_args(Part)}
    chosen = parts[known(part or _RECORDED, parts, "part")]
    folder = find_checkpoint(checkpoint, bundled_checkpoints())
    where = device_named(device)
    bf16 = _bf16(precision, where, record=record)
    loaded = load_checkpoint(folder, where)
    if record:
        check_recordable(loaded)
    measured: dict[str, Any] = {}
    measure: Callable[[Reading], Evaluation]
    if text is not None:
        measure = partial(evaluate_text, loaded, text)
    else:
        corpus = Corpus.load(data or _default_data())
        measure = partial(evaluate_corpus, loaded, corpus, chosen)
        measured = {"corpus": corpus.name, "part": chosen}
    with evaluation_bar() as progress:
        result = measure(Reading(offsets, bf16, progress))
    if record:
        _record(loaded, result, measured["corpus"])
    if as_json:
        tell(json.dumps(_figures(loaded.id, result) | measured, ensure_ascii=False))
    else:
        tell(_in_words(loaded.name, result))


def _bf16(precision: str, device: str, *, record: bool) -> bool:
    """Whether to compute matrix products in bfloat16.

    Recorded figures are float32, and a GPU is fast enough in it.
    """
    from model.pytorch.device import fast_bfloat16

    if known(precision, _PRECISIONS, "precision") == "auto":
        return device == "cpu" and not record and fast_bfloat16(device)
    if record and precision != "float32":
        fail("--record needs float32: what is recorded must come out alike on every machine")
    return precision == "bfloat16"


def _default_data() -> Path:
    """The `reference` data set of the cache, built from the downloaded texts where need be."""
    from training.data.corpus import build as build_corpus

    texts = default_cache()
    folder = texts.parent / "reference"
    if not (folder / "corpus.json").is_file():
        if not texts.is_dir():
            fail(
                "name either --data FOLDER or --text FILE to evaluate on, or fetch the texts of "
                "the reference data set first with 'litteragpt corpus download'"
            )
        build_corpus("reference", texts, lambda work: None).save(folder)
    return folder


def _record(checkpoint: TorchCheckpoint, result: Evaluation, corpus: str) -> None:
    from training.report.card import record_figures

    figures = {
        "w528": result.loss,
        "bits_per_byte": result.bits_per_byte,
        "characters": result.characters,
        "corpus": corpus,
    }
    record_figures(checkpoint, validation=figures)


def _figures(identity: str, result: Evaluation) -> dict[str, Any]:
    """The figures of `--json`. A loss over fewer offsets is not called W528."""
    figures = {
        "w528" if result.complete else "estimate": result.loss,
        "bits_per_byte": result.bits_per_byte,
        "characters": result.characters,
        "offsets": result.offsets,
        "precision": result.precision,
        "checkpoint": identity,
    }
    if result.dropped:
        figures["dropped"] = result.dropped
    return figures


def _in_words(name: str, result: Evaluation) -> str:
    what = "W528" if result.complete else f"W528 of {result.offsets} offsets of 8, an estimate,"
    dropped = f", {result.dropped:,} that it cannot write left out" if result.dropped else ""
    return (
        f"{name}: {what} {result.loss:.4f} nats per character, {result.bits_per_byte:.4f} bits per "
        f"byte, {result.characters:,} characters{dropped}, {result.precision}"
    )
