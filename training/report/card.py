"""The model card that goes with every checkpoint."""

from __future__ import annotations

from typing import Any

from model.checkpoint.config import DecoderConfig
from model.checkpoint.filenames import CARD, METRICS
from model.engine.loaded_model import AnyDecoder, LoadedModel
from model.errors import CheckpointError
from model.files import write_json, write_text


def model_card(name: str, config: DecoderConfig, metrics: dict[str, Any]) -> str:
    """A checkpoint's README.md from its shape and its figures.

    Raises KeyError when `metrics` are not those that training writes.
    """
    corpus = metrics["corpus"]
    return f"""# {name}

A character-level decoder of Spanish prose, `{config.family}` family: {config.layers} layers,
{config.width} wide, {config.heads} heads, feed-forward {config.feed_forward}, context
{config.context}, {metrics["parameters"]:,} parameters, vocabulary {config.vocabulary}
(normalised to {corpus["normalization"]}).

| figure | value |
| --- | --- |
{_losses(metrics)}| corpus | {_corpus(corpus)} |
{_origins(metrics)}| characters read | {metrics["characters"]:,} in {metrics["steps"]:,} steps |
| time | {metrics["seconds"] / 60:.0f} minutes |
| hardware | {metrics["hardware"]} |
| source | revision {metrics["revision"] or "unknown"} |

Trained with

    {metrics["command"]}

W528 is the mean over non-overlapping windows of 528 characters at eight offsets, dropout off, no
author given; `litteragpt evaluate` computes it.

![Loss curves](losses.png)

The weights are {_kept(metrics)}, stored as bfloat16 safetensors.

It continues a phrase in the manner of its books and knows nothing else: not facts, not questions,
not today's Spanish. It invents words now and then, and it has the prejudices of its authors' times.
{_rights(corpus)}
{_samples(metrics)}"""


def record_figures(checkpoint: LoadedModel[AnyDecoder], **figures: Any) -> None:
    """Add JSON figures to a checkpoint's metrics.json, and rewrite its card.

    A card shows `validation` (w528, bits_per_byte, characters and corpus of `litteragpt evaluate`)
    and `samples` (`training.report.samples`). Raises CheckpointError, and changes nothing, when the
    metrics are not those of a training run.
    """
    metrics = {**checkpoint.metrics, **figures}
    card = _card_of(checkpoint, metrics)
    write_json(checkpoint.path / METRICS, metrics)
    write_text(checkpoint.path / CARD, card)


def check_recordable(checkpoint: LoadedModel[AnyDecoder]) -> None:
    """Raise CheckpointError where `record_figures` would, before figures cost time."""
    _card_of(checkpoint, checkpoint.metrics)


def _card_of(checkpoint: LoadedModel[AnyDecoder], metrics: dict[str, Any]) -> str:
    try:
        return model_card(checkpoint.name, checkpoint.decoder.config, metrics)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            "content",
            file=str(checkpoint.path / METRICS),
            problem=f"lacks what a model card tells ({error}), "
            "as only 'litteragpt train' writes it",
        ) from None


def _rights(corpus: dict[str, Any]) -> str:
    if author := corpus.get("author"):
        return (
            f"It learned from texts of `{author}` that its maker had: whether the weights may be "
            "passed\non depends on the rights to these texts."
        )
    return "The books are in the public domain; the weights are under Apache-2.0."


def _samples(metrics: dict[str, Any]) -> str:
    if (samples := metrics.get("samples")) is None:
        return ""
    told = "\n".join(
        f"**{sample['style'] or 'no author given'}**: {sample['text']}\n"
        for sample in samples["texts"]
    )
    return f"""
## Samples

One phrase continued in the manner of each author; none was chosen among others. To have one again
({samples["engine"]} engine):

    litteragpt escribe "{samples["phrase"]}" --estilo AUTHOR --semilla {samples["seed"]}

{told}"""


def _losses(metrics: dict[str, Any]) -> str:
    lines = ""
    if validation := metrics.get("validation"):
        # Every data set of the works is measured on the same text.
        own = "author" in metrics["corpus"]
        measured_on = validation["corpus"] if own else "reference"
        lines += (
            f"| **`{measured_on}` validation split (W528, nats per character)** "
            f"| **{validation['w528']:.4f}** |\n"
            f"| bits per byte there | {validation['bits_per_byte']:.4f} |\n"
        )
    if (dev := metrics["dev_loss"]) is not None:
        lines += f"| development part (W528, nats per character) | {dev:.4f} |\n"
    if (loss := metrics.get("train_loss")) is not None:
        lines += f"| training, last minutes (nats per character) | {loss:.4f} |\n"
    return lines


def _kept(metrics: dict[str, Any]) -> str:
    recipe = metrics.get("recipe", {"ema": True})  # which older metrics lack
    if recipe.get("ema") is None and recipe.get("swa") is None:
        return "those of the last step"
    return "an average over the last steps"


def _origins(metrics: dict[str, Any]) -> str:
    """What a run had besides its corpus; see training.run.materials."""
    names = {"mixed": "mixed in", "init": "begun with", "teachers": "taught by"}
    lines = ""
    for key, name in names.items():
        if found := metrics.get(key):
            lines += f"| {name} | {found if isinstance(found, str) else ', '.join(found)} |\n"
    return lines


def _corpus(corpus: dict[str, Any]) -> str:
    return f"`{corpus['name']}`, {corpus['characters']['train']:,} characters to train on"
