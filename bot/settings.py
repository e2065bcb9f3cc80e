"""Settings from the environment and `.env`, checked once at the start.

Every field is documented in `.env.example`; a test keeps the two equal.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.texts import say, shorten
from model.errors import LitteraError
from model.places import bundled_checkpoints
from model.prompt import PHRASE_LIMIT, SENTENCE_LIMITS, SENTENCES, TEMPERATURES

PREFIX = "LITTERAGPT_"
ENV_FILE = ".env"
ENV_ENCODING = "utf-8-sig"  # some editors put a byte-order mark in front


class SettingsError(LitteraError):
    """A setting cannot work; the text (Spanish, a sentence each) says what would."""


def _one_of(*allowed: str) -> BeforeValidator:
    """Accept these words in any case."""

    def check(value: object) -> str:
        word = str(value).strip()
        for choice in allowed:
            if word.lower() == choice.lower():
                return choice
        raise ValueError("se espera " + ", ".join(allowed[:-1]) + f" o {allowed[-1]}")

    return BeforeValidator(check)


class Settings(BaseSettings):
    """How this program runs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding=ENV_ENCODING,
        env_ignore_empty=True,
        extra="ignore",
    )

    device: Annotated[str, _one_of("auto", "cpu", "cuda")] = "auto"
    engine: Annotated[str, _one_of("auto", "native", "pytorch")] = "auto"
    checkpoint: str = Field(default="small", min_length=1)
    checkpoints_dir: Path = Field(default_factory=bundled_checkpoints)
    threads: int = Field(default=0, ge=0, le=256)
    max_batch: int = Field(default=16, ge=1, le=1024)
    queue_limit: int = Field(default=64, ge=1, le=100_000)
    sentences: int = Field(default=2, ge=SENTENCES[0], le=SENTENCES[1])
    temperature: float = Field(
        default=0.8, ge=TEMPERATURES[0], le=TEMPERATURES[1], allow_inf_nan=False
    )
    top_p: float = Field(default=0.95, ge=0.01, le=1.0, allow_inf_nan=False)
    phrase_limit: int = Field(default=PHRASE_LIMIT, ge=1, le=PHRASE_LIMIT)
    sentence_limit: int = Field(default=600, ge=SENTENCE_LIMITS[0], le=SENTENCE_LIMITS[1])
    log_level: Annotated[str, _one_of("DEBUG", "INFO", "WARNING", "ERROR")] = "WARNING"


def load_settings() -> Settings:
    """Read and check the settings; raises SettingsError with a sentence for each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(error))) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(say("setting_file", error=error)) from None


def unknown_settings() -> list[str]:
    """A warning for each variable that carries our prefix and is none of ours."""
    try:
        in_file = dotenv_values(ENV_FILE, encoding=ENV_ENCODING)
    except (OSError, UnicodeDecodeError):
        in_file = {}
    known = [name.upper() for name in Settings.model_fields]
    warnings = []
    for name in sorted({*os.environ, *in_file}):
        field = name.upper().removeprefix(PREFIX)
        if name.upper().startswith(PREFIX) and field not in known:
            near = difflib.get_close_matches(field, known, 1)
            hint = f" (¿quiso decir {PREFIX}{near[0]}?)" if near else ""
            warnings.append(say("setting_unknown", name=name, hint=hint))
    return warnings


def _explain(error: ValidationError) -> list[str]:
    told = []
    for problem in error.errors():
        name = PREFIX + str(problem["loc"][0]).upper()
        value = shorten(str(problem["input"]))
        told.append(say("setting", name=name, value=value, expected=_expected(problem)))
    return told


def _expected(problem: ErrorDetails) -> str:
    """What would be right, in Spanish, from pydantic's description of what is wrong."""
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
        case "value_error":
            return str(limits["error"])
        case _:
            return "se espera otro valor"
