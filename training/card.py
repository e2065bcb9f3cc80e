"""The model card that goes with every checkpoint."""

from __future__ import annotations

from typing import Any

from model.config import DecoderConfig


def model_card(name: str, config: DecoderConfig, metrics: dict[str, Any]) -> str:
    """A checkpoint's README.md from its shape and its figures."""
    corpus = metrics["corpus"]
    dev = metrics["dev_loss"]
    dev_line = "" if dev is None else f"| development part (W528, nats per character) | {dev:.4f} |\n"
    w528 = metrics.get("validation")
    validation = (
        ""
        if w528 is None
        else f"| **`reference` validation split (W528, nats per character)** | **{w528['w528']:.4f}** |\n"
        f"| bits per byte there | {w528['bits_per_byte']:.4f} |\n"
    )
    return f"""# {name}

A character-level decoder of Spanish prose, `{config.family}` family: {config.layers} layers,
{config.width} wide, {config.heads} heads, feed-forward {config.feed_forward}, context
{config.context}, {metrics["parameters"]:,} parameters, vocabulary {config.vocabulary} (normalised to
{corpus["normalization"]}).

| figure | value |
| --- | --- |
{validation}{dev_line}| corpus | `{corpus["name"]}`, {corpus["characters"]["train"]:,} characters to train on |
| characters read | {metrics["characters"]:,} in {metrics["steps"]:,} steps |
| time | {metrics["seconds"] / 60:.0f} minutes |
| hardware | {metrics["hardware"]} |
| source | revision {metrics["revision"] or "unknown"} |

Trained with

    {metrics["command"]}

W528 is the mean over non-overlapping windows of 528 characters at eight offsets, dropout off, no
author given; `litteragpt evaluate` computes it.

![Loss curves](losses.png)

The weights are an average over the last steps, stored as bfloat16 safetensors.
"""
