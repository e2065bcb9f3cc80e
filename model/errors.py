"""Failures that a caller can act on, one type each.

A coded error has a `code` and the wrong and expected `values`, so that a front end can translate
it; its own text is English.
"""

from __future__ import annotations

from typing import ClassVar

from model.printable import escape_line


class LitteraError(Exception):
    """Base of all deliberate failures; the text is meant for users."""


class CodedError(LitteraError):
    """An error that front ends translate. Values are strings and numbers, or tuples of them."""

    TEXTS: ClassVar[dict[str, str]] = {}

    def __init__(self, code: str, **values: object) -> None:
        self.code = code
        # Many values come from files, and all may be printed on a terminal.
        self.values = {name: _shown(value) for name, value in values.items()}
        super().__init__(self.TEXTS[code].format(**self.values))


def _shown(value: object) -> object:
    if isinstance(value, (tuple, list)):
        return tuple(map(_shown, value))
    return escape_line(value) if isinstance(value, str) else value


class PromptError(CodedError):
    """An invalid phrase or option."""

    TEXTS: ClassVar[dict[str, str]] = {
        "empty": "the phrase is empty",
        "unwritable": "no character of the phrase can be written",
        "too_long": "the phrase has {length} characters, at most {limit} are taken",
        "sentences": "sentences is {value}, expected {least} to {most}",
        "temperature": "temperature is {value}, expected {least:g} to {most:g}",
        "top_p": "top_p is {value}, expected {least:g} to {most:g}",
        "seed": "seed is {value}, expected {least} to {most}",
        "sentence_limit": "sentence_limit is {value}, expected {least} to {most}",
        "candidates": "candidates is {value}, expected {least} to {most}",
        "style": "unknown style {value!r}, known are {known}",
    }


class CheckpointError(CodedError):
    """An unusable checkpoint; the text names the file and the expected content."""

    TEXTS: ClassVar[dict[str, str]] = {
        "unknown": "no checkpoint {name!r} in {folder} (there: {known})",
        "no_folder": "{file}: no such folder; a checkpoint is a folder with model.safetensors",
        "missing": "{file}: missing, so the checkpoint is incomplete",
        "forbidden": "{file}: no permission to read it; grant it with chmod -R u+rX or chown",
        "unreadable": "{file}: cannot be read ({reason})",
        "not_json": "{file}: not a valid JSON file",
        "content": "{file}: {problem}",
        "vocabulary": "{file}: a vocabulary of {found}, but config.json expects {expected}",
        "not_weights": "{file}: truncated or no safetensors file; nothing else is read",
        "tensor": "{file}: tensor {tensor!r} is {found}, expected {expected}",
        "superseded": "{name} is not served: another checkpoint was asked for after it",
        "differs": "{name} is not the same checkpoint on every node: {found}",
    }


class DeviceError(CodedError):
    """The requested device is not available."""

    TEXTS: ClassVar[dict[str, str]] = {
        "no_cuda": "no CUDA device was found; use 'auto' or 'cpu'",
        "no_native": "the native kernel was not built; use 'auto' or 'pytorch'",
        "native_cuda": "the native kernel runs on the CPU only; use 'pytorch' for CUDA",
        "no_torch": "PyTorch is not installed; use 'auto', or run: pip install "
        '"litteragpt[torch]"',
        "no_decoder": "the native kernel was not built and PyTorch is not installed; install a C "
        'compiler and reinstall, or run: pip install "litteragpt[torch]"',
    }


class ExchangeError(CodedError):
    """A checkpoint that cannot be exported or imported."""

    TEXTS: ClassVar[dict[str, str]] = {
        "no_equivalent": "{name} is of the family {family}, which no other engine supports; only "
        "'modern' checkpoints can be exported",
        "with_memory": "{name} has an n-gram memory, which no other engine supports; only 'modern' "
        "checkpoints without one, such as small, can be exported",
        "precision_of_hf": "the format hf has no {value}; use f32 or f16",
        "no_library": '{name} is not installed; run: pip install "litteragpt[export]"',
        "exists": "{file} exists; choose another name, or repeat with --force to replace it",
        "not_replaced": "{file} is not a previous export; choose another name",
        "not_torch": "{file}: not a file that torch.save wrote",
        "legacy_torch": "{file}: written by PyTorch before 1.6; save it again with a later one",
        "damaged": "{file}: truncated, damaged or malicious; nothing in it was run",
        "foreign_name": "{file}: names {name}, which no LitteraGPT needs; nothing in it was run",
        "not_original": "{file}: not the module of LitteraGPT 0.1.0",
        "not_numbers": "{file}: some weights are not finite floating-point numbers",
        "no_vocabulary": "{file}: has no vocabulary; name its map of characters with --vocab",
        "not_vocabulary": "{file}: not a map from every character to a number, from 0 on",
        "other_vocabulary": "{file}: {found} characters, but the model has {expected}",
    }
