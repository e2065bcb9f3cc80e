"""Loading of settings from the environment and `.env`, with errors and warnings in Spanish."""

from __future__ import annotations

import codecs
import logging
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.settings.names import ENV_FILE, PREFIX, PREFIXES, SECRET_ENDINGS, SettingsError
from bot.settings.settings import Settings
from bot.texts import say
from bot.texts.catalogue import did_you_mean
from bot.texts.formatting import shorten

# dotenv logs bad lines in English on every read; `load_settings` reports them once.
logging.getLogger("dotenv").setLevel(logging.ERROR)

_UTF8 = "utf-8-sig"  # accepts a byte-order mark, which some editors write


def load_settings(**instead: Any) -> Settings:
    """The settings from the environment and `.env`.

    instead: values by variable name that override both.
    Raises SettingsError with a sentence for each wrong setting."""
    try:
        encoding = encoding_of(Path(ENV_FILE))
        _check_lines(Path(ENV_FILE), encoding)
        read_as: dict[str, Any] = {"_env_file_encoding": encoding}
        return Settings(**read_as, **instead)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(error))) from None
    except UnicodeError:
        raise SettingsError(say("setting_encoding")) from None
    except OSError as error:
        raise SettingsError(say("setting_file", error=error.strerror or error)) from None


def unknown_settings() -> list[str]:
    """A warning for each variable that has the prefix but no setting, and for each variable of a
    platform that resembles a setting."""
    try:
        in_file = values_of(Path(ENV_FILE))
    except (OSError, UnicodeError):
        in_file = {}
    known = list(environment_names().values())
    warnings = []
    for name in sorted({*os.environ, *in_file}):
        if name.upper() in known or not name.upper().startswith(PREFIXES):
            continue
        hint = did_you_mean(name.upper(), known)
        # Other programs may use variables that begin with a platform name.
        if hint or name.upper().startswith(PREFIX):
            warnings.append(say("setting_unknown", name=name, hint=hint))
    return warnings


def environment_names() -> dict[str, str]:
    """The environment variable for each field of Settings."""
    return {
        name: str(field.validation_alias or PREFIX + name.upper())
        for name, field in Settings.model_fields.items()
    }


def encoding_of(path: Path) -> str:
    """The encoding of a settings file: UTF-8, or UTF-16, which PowerShell's `>` writes. UTF-8 for
    an absent file. Raises OSError for an unreadable file."""
    try:
        with path.open("rb") as file:
            head = file.read(2)
    except (FileNotFoundError, IsADirectoryError):
        return _UTF8
    return "utf-16" if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else _UTF8


def values_of(path: Path) -> dict[str, str | None]:
    """Variables and values in the file; empty if absent. Raises OSError and UnicodeError."""
    return dotenv_values(path, encoding=encoding_of(path))


def exposed_file() -> Path | None:
    """The settings file if it contains secrets and is world-readable, else None."""
    path = Path(ENV_FILE)
    try:
        readable = os.name == "posix" and path.stat().st_mode & stat.S_IROTH
        held = values_of(path) if readable else {}
    except (OSError, UnicodeError):  # load_settings reports it
        return None
    secret = any(value and name.upper().endswith(SECRET_ENDINGS) for name, value in held.items())
    return path.resolve() if secret else None


def keeps_permissions(folder: Path) -> bool:
    """Whether the folder's file system stores permissions. Windows file systems mounted on Linux
    (WSL, NTFS, FAT, some shared folders) report every file as world-readable and ignore chmod.

    True if unknown, because the folder is not writable."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".litteragpt-") as file:
            return not os.fstat(file.fileno()).st_mode & stat.S_IROTH  # created with mode 0600
    except OSError:
        return True


def _check_lines(path: Path, encoding: str) -> None:
    """Raise SettingsError for a malformed line: it may be meant to set a token."""
    if not path.is_file():
        return
    with path.open(encoding=encoding) as file:
        wrong = [binding.original for binding in parse_stream(file) if binding.error]
    if wrong:
        text = wrong[0].string
        number = wrong[0].line + len(text) - len(text.lstrip("\n"))
        raise SettingsError(say("setting_line", number=number))


def _explain(error: ValidationError) -> list[str]:
    """One Spanish sentence per validation error."""
    names = environment_names()
    sentences = []
    for problem in error.errors():
        if not problem["loc"]:  # concerns several settings
            sentences.append(say("setting_missing", name=problem["type"], expected=problem["msg"]))
            continue
        field = str(problem["loc"][0])
        name = names.get(field, field)
        # Wrong secrets are not shown either.
        value = "..." if name.endswith(SECRET_ENDINGS) else shorten(str(problem["input"]))
        sentences.append(say("setting", name=name, value=value, expected=_expected(problem)))
    return sentences


def _expected(problem: ErrorDetails) -> str:
    """The expected value in Spanish, from pydantic's error type."""
    kind, limits = problem["type"], problem.get("ctx", {})
    match kind:
        case "int_parsing" | "int_type" | "int_from_float":
            return "se espera un número entero"
        case "float_parsing" | "float_type" | "finite_number":
            return "se espera un número"
        case "greater_than_equal":
            return f"lo menos es {limits['ge']:g}"
        case "less_than_equal":
            return f"lo más es {limits['le']:g}"
        case "bool_parsing" | "bool_type":
            return "se espera true o false"
        case "string_pattern_mismatch":
            return "se espera el nombre de una cabecera HTTP"
        case "value_error":
            return str(limits["error"])
        case _:
            return "se espera otro valor"
