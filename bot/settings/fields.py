"""Validators and annotated types for the fields of `Settings`.

Each validator raises ValueError with a Spanish phrase that says which value is expected.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function
from pydantic_settings import NoDecode
from yarl import URL

from bot.logs import LEVELS, PARTS
from bot.texts.number_ranges import read_ranges
from bot.token_formats import DISCORD, TELEGRAM, TOKEN_SETTINGS, platform_of

# The largest bots on Discord have fewer; a greater number is a typing error.
MOST_SHARDS = 10_000
# The characters that Telegram allows in a secret; 16 of them cannot be guessed.
WEBHOOK_KEY = r"[A-Za-z0-9_-]{16,256}"
_QUOTES = ('""', "''", "“”", "‘’", "«»")


def unquote(text: str) -> str:
    """Strip spaces, line ends and one pair of quotes.

    Container engines and systemd parse `.env` differently: some keep the quotes, some the carriage
    return."""
    text = text.strip()
    quoted = len(text) > 1 and text[0] + text[-1] in _QUOTES
    return text[1:-1].strip() if quoted else text


class OneOf:
    """Accept one of these words in any case."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_before_validator_function(self._check, handler(source))

    def _check(self, value: object) -> str:
        word = str(value).strip()
        for choice in self.allowed:
            if word.lower() == choice.lower():
                return choice
        raise ValueError(f"se espera {', '.join(self.allowed[:-1])} o {self.allowed[-1]}")


class AutoOr:
    """Accept `auto` in any case, or an integer between `least` and `most`."""

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_before_validator_function(self._check, handler(source))

    def _check(self, value: object) -> str:
        word = str(value).strip().lower()
        number = int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else 0
        if word != "auto" and not self.least <= number <= self.most:
            raise ValueError(f"se espera auto o un número de {self.least} a {self.most}")
        return word


def _listed(value: object) -> list[str]:
    return str(value).replace(",", " ").split()


def _ids(value: object) -> frozenset[int]:
    """Integers separated by commas or spaces."""
    if isinstance(value, frozenset):  # the default
        return value
    try:
        return frozenset(map(int, _listed(value)))
    except ValueError:
        raise ValueError("se esperan números separados por comas") from None


def _matching(pattern: str, expected: str) -> BeforeValidator:
    """Words that match `pattern` in any case, separated by commas or spaces."""

    def check(value: object) -> frozenset[str]:
        if isinstance(value, frozenset):  # the default
            return value
        words = [word.lower() for word in _listed(value)]
        if not all(re.fullmatch(pattern, word) for word in words):
            raise ValueError(f"se esperan {expected} separados por comas")
        return frozenset(words)

    return BeforeValidator(check)


def _address(*schemes: str) -> BeforeValidator:
    """A URL with one of `schemes`. It receives the token, so plain text only on loopback."""

    def check(value: object) -> str:
        text = str(value).strip()
        try:
            url = URL(text)
            plain = url.scheme in {"http", "ws"}
            local = url.host in {"localhost", "127.0.0.1", "::1"}
        except ValueError:
            url, plain, local = URL(), False, False
        if url.scheme not in schemes or not url.host:
            raise ValueError("se espera una dirección que empiece por " + " o ".join(schemes))
        if plain and not local:
            raise ValueError(f"sin cifrar sólo vale en esta misma máquina; use {schemes[0]}://")
        return text.rstrip("/")

    return BeforeValidator(check)


def _levels(value: object) -> dict[str, str]:
    """`part=LEVEL` pairs separated by commas or spaces."""
    if isinstance(value, dict):  # the default
        return value
    levels = {}
    for entry in _listed(value):
        part, _, level = entry.partition("=")
        if part.lower() not in PARTS:
            raise ValueError(f"se espera parte=NIVEL, y las partes son {', '.join(PARTS)}")
        if level.upper() not in LEVELS:
            raise ValueError(f"se espera parte=NIVEL, y los niveles son {', '.join(LEVELS)}")
        levels[part.lower()] = level.upper()
    return levels


def _shards(value: object) -> tuple[int, ...]:
    """Shard numbers and ranges such as `0-3,8`."""
    if isinstance(value, tuple):  # the default
        return value
    try:
        return read_ranges(str(value), MOST_SHARDS)
    except ValueError:
        raise ValueError("se esperan números o tramos como 0-3,8") from None


Ids = Annotated[frozenset[int], NoDecode, BeforeValidator(_ids)]
Shards = Annotated[tuple[int, ...], NoDecode, BeforeValidator(_shards)]
Levels = Annotated[dict[str, str], NoDecode, BeforeValidator(_levels)]
_NUMBERED = r"(discord|telegram):-?\d+"


def _hosts(value: object) -> frozenset[str]:
    """Host names separated by commas or spaces, in the ASCII form that browsers send."""
    if isinstance(value, frozenset):  # the default
        return value
    try:
        names = [URL.build(scheme="http", host=name).raw_host or "" for name in _listed(value)]
    except ValueError:
        names = [""]
    if not all(re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name) for name in names):
        raise ValueError("se esperan nombres como ejemplo.es separados por comas")
    return frozenset(names)


Places = Annotated[
    frozenset[str], NoDecode, _matching(_NUMBERED, "discord:NÚMERO o telegram:NÚMERO")
]
People = Annotated[
    frozenset[str],
    NoDecode,
    _matching(f"{_NUMBERED}|discord|telegram|web", "discord:NÚMERO, telegram:NÚMERO o web"),
]
Hosts = Annotated[frozenset[str], NoDecode, BeforeValidator(_hosts)]
HttpAddress = Annotated[str, _address("https", "http")]
GatewayAddress = Annotated[str, _address("wss", "ws")]


def _cluster(value: object) -> str:
    """The `host:port` of a Ray head node."""
    host, _, port = str(value).strip().rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]", host) or not port.isdecimal():
        raise ValueError("se espera máquina:puerto, por ejemplo 10.0.0.5:6379")
    return f"{host}:{port}"


ClusterAddress = Annotated[str, BeforeValidator(_cluster)]


def _secret(value: object) -> str | None:
    """The secret without surrounding spaces; None if empty."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return str(text or "").strip() or None


def _token(platform: str) -> BeforeValidator:
    """A bot token of `platform`."""

    def check(value: object) -> str | None:
        token = _secret(value)
        if token is None:
            return None
        if {*token} & {*"\"'`"}:
            raise ValueError("sobran las comillas")
        if not re.fullmatch(r"[!-~]+", token):
            raise ValueError("un token no lleva espacios ni tildes; cópielo de nuevo")
        found = platform_of(token)
        if found not in (None, platform):
            raise ValueError(f"es un token de {found}; póngalo en {TOKEN_SETTINGS[found]}")
        return token

    return BeforeValidator(check)


def _database(value: object) -> str | None:
    """A PostgreSQL connection URI in libpq syntax."""
    text = _secret(value)
    if text is None:
        return None
    try:
        url = urlsplit(text)
        known = url.scheme in {"postgresql", "postgres"}
        # Accessing an invalid port raises ValueError.
        placed = url.port != 0 and (url.hostname or "host=" in url.query)
    except ValueError:
        known = placed = False
    if not (known and placed) or url.netloc.count("@") > 1:
        raise ValueError(
            "se espera postgresql://usuario:clave@máquina:5432/base, con los signos raros de la "
            "clave escritos como %40"
        )
    return text


def _decimal(value: object) -> object:
    """Accept a Spanish decimal comma."""
    text = str(value)
    return text.replace(",", ".") if re.fullmatch(r"[-+]?\d*,\d+", text) else value


def _path(value: object) -> Path:
    """A path; expands `~`, because no shell does it for values in `.env`."""
    try:
        return Path(str(value)).expanduser()
    except RuntimeError:  # an unknown user
        raise ValueError("esa carpeta personal no existe") from None


def _name_or_path(value: object) -> str:
    """A checkpoint name, or a path that may begin with `~`."""
    text = str(value)
    return str(_path(text)) if text.startswith("~") else text


Decimal = Annotated[float, BeforeValidator(_decimal)]
ExpandedPath = Annotated[Path, BeforeValidator(_path)]
NameOrPath = Annotated[str, BeforeValidator(_name_or_path)]
Secret = Annotated[SecretStr | None, BeforeValidator(_secret)]
DatabaseAddress = Annotated[SecretStr | None, BeforeValidator(_database)]
DiscordToken = Annotated[SecretStr | None, _token(DISCORD)]
TelegramToken = Annotated[SecretStr | None, _token(TELEGRAM)]
