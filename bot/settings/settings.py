"""Settings from the environment and `.env`, checked once at the start.

What each of them means is in `bot.texts.settings`; `make tables` writes `.env.example` and the
tables of settings from there and from this class, and a test keeps all of them equal.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from dotenv.parser import parse_stream
from platformdirs import user_data_path
from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from yarl import URL

from bot.logs import FORMATS, LEVELS, PARTS, TEXT
from bot.settings.env_file import ENV_FILE, SECRET_ENDINGS, encoding_of, plain, values_of
from bot.texts import did_you_mean, say, shorten
from bot.texts.number_ranges import read_ranges, write_ranges
from bot.token_formats import DISCORD, TELEGRAM, TOKEN_SETTINGS, platform_of
from model.checkpoint.discovery import bundled_checkpoints
from model.errors import LitteraError
from model.text.prompt import (
    CANDIDATES,
    PHRASE_LIMIT,
    SENTENCE_LIMITS,
    SENTENCES,
    TEMPERATURES,
    Options,
    candidates_of,
    new_seed,
)

# It complains of lines of `.env` in English, each time they are read; `load_settings` does once.
logging.getLogger("dotenv").setLevel(logging.ERROR)

PREFIX = "LITTERAGPT_"
PREFIXES = (PREFIX, "DISCORD_", "TELEGRAM_", "RAY_")
# What Telegram takes as a secret, and long enough not to be guessed.
WEBHOOK_KEY = r"[A-Za-z0-9_-]{16,256}"
METRICS_PORT, WEBHOOK_PORT = "LITTERAGPT_METRICS_PORT", "TELEGRAM_WEBHOOK_PORT"
WEB_PORT = "LITTERAGPT_WEB_PORT"
LOCAL, RAY = "local", "ray"
SHARD_COUNT, SHARD_IDS = "DISCORD_SHARD_COUNT", "DISCORD_SHARD_IDS"
# More than Discord's largest bots have; the number of connections that anybody can mean.
MOST_SHARDS = 10_000
DATABASE_URL = "LITTERAGPT_DATABASE_URL"


class SettingsError(LitteraError):
    """A setting cannot work; the text (Spanish, a sentence each) says what would."""


class OneOf:
    """Accepts these words in any case."""

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
    """Accepts `auto` in any case, or a whole number within these bounds."""

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
    """Numbers with commas or spaces between them."""
    if isinstance(value, frozenset):  # the default
        return value
    try:
        return frozenset(map(int, _listed(value)))
    except ValueError:
        raise ValueError("se esperan números separados por comas") from None


def _matching(pattern: str, expected: str) -> BeforeValidator:
    """Words with commas or spaces between them, each of this pattern in any case."""

    def check(value: object) -> frozenset[str]:
        if isinstance(value, frozenset):  # the default
            return value
        words = [word.lower() for word in _listed(value)]
        if not all(re.fullmatch(pattern, word) for word in words):
            raise ValueError(f"se esperan {expected} separados por comas")
        return frozenset(words)

    return BeforeValidator(check)


def _address(*schemes: str) -> BeforeValidator:
    """A URL; the token travels there, so unencrypted only to this machine itself."""

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
    """`part=LEVEL` with commas or spaces between them."""
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
    """Numbers and ranges of them."""
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
Places = Annotated[
    frozenset[str], NoDecode, _matching(_NUMBERED, "discord:NÚMERO o telegram:NÚMERO")
]
People = Annotated[
    frozenset[str],
    NoDecode,
    _matching(f"{_NUMBERED}|discord|telegram|web", "discord:NÚMERO, telegram:NÚMERO o web"),
]
Hosts = Annotated[
    frozenset[str],
    NoDecode,
    _matching(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", "nombres como ejemplo.es"),
]
HttpAddress = Annotated[str, _address("https", "http")]
GatewayAddress = Annotated[str, _address("wss", "ws")]


def _cluster(value: object) -> str:
    """The host and port of a Ray head."""
    host, _, port = str(value).strip().rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]", host) or not port.isdecimal():
        raise ValueError("se espera máquina:puerto, por ejemplo 10.0.0.5:6379")
    return f"{host}:{port}"


ClusterAddress = Annotated[str, BeforeValidator(_cluster)]


def _secret(value: object) -> str | None:
    """What was copied, without the spaces around it; nothing at all is none."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return str(text or "").strip() or None


def _token(platform: str) -> BeforeValidator:
    """A bot token of this platform."""

    def check(value: object) -> str | None:
        token = _secret(value)
        if token is None:
            return None
        if {*token} & {*"\"'`"}:
            raise ValueError("sobran las comillas")
        if not re.fullmatch(r"[!-~]+", token):
            raise ValueError("una clave no lleva espacios ni tildes; cópiela de nuevo")
        found = platform_of(token)
        if found not in (None, platform):
            raise ValueError(f"es una clave de {found}; póngala en {TOKEN_SETTINGS[found]}")
        return token

    return BeforeValidator(check)


def _database(value: object) -> str | None:
    """The address of a PostgreSQL, as libpq writes it."""
    text = _secret(value)
    if text is None:
        return None
    try:
        url = urlsplit(text)
        known = url.scheme in {"postgresql", "postgres"}
        # The port is read, and fails if it is none.
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
    """A number as Spanish writes it, with a comma, is the same number."""
    text = str(value)
    return text.replace(",", ".") if re.fullmatch(r"[-+]?\d*,\d+", text) else value


def _path(value: object) -> Path:
    """A place; `~` is a home here too, where no shell has replaced it."""
    try:
        return Path(str(value)).expanduser()
    except RuntimeError:  # of nobody on this machine
        raise ValueError("esa carpeta personal no existe") from None


def _homely(value: object) -> str:
    """A name, or a place that may begin with `~`."""
    text = str(value)
    return str(_path(text)) if text.startswith("~") else text


Decimal = Annotated[float, BeforeValidator(_decimal)]
Place = Annotated[Path, BeforeValidator(_path)]
Secret = Annotated[SecretStr | None, BeforeValidator(_secret)]
DatabaseAddress = Annotated[SecretStr | None, BeforeValidator(_database)]
DiscordToken = Annotated[SecretStr | None, _token(DISCORD)]
TelegramToken = Annotated[SecretStr | None, _token(TELEGRAM)]


def _plain(name: str, default: object = None, **bounds: Any) -> Any:
    """A setting whose variable is called just so, without our prefix."""
    return Field(default=default, validation_alias=name, **bounds)


class Settings(BaseSettings):
    """How this program runs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    # writing
    device: Annotated[str, OneOf("auto", "cpu", "cuda")] = "auto"
    engine: Annotated[str, OneOf("auto", "native", "pytorch")] = "auto"
    checkpoint: Annotated[str, BeforeValidator(_homely)] = Field(default="small", min_length=1)
    checkpoints_dir: Place = Field(default_factory=bundled_checkpoints)
    threads: int = Field(default=0, ge=0, le=256)
    max_batch: int = Field(default=64, ge=1, le=1024)
    queue_limit: int = Field(default=256, ge=1, le=100_000)
    sentences: int = Field(default=2, ge=SENTENCES[0], le=SENTENCES[1])
    temperature: Decimal = Field(
        default=0.6, ge=TEMPERATURES[0], le=TEMPERATURES[1], allow_inf_nan=False
    )
    top_p: Decimal = Field(default=0.95, ge=0.01, le=1.0, allow_inf_nan=False)
    phrase_limit: int = Field(default=PHRASE_LIMIT, ge=1, le=PHRASE_LIMIT)
    candidates: Annotated[str, AutoOr(*CANDIDATES)] = "auto"
    sentence_limit: int = Field(default=160, ge=SENTENCE_LIMITS[0], le=SENTENCE_LIMITS[1])
    # who writes
    executor: Annotated[str, OneOf(LOCAL, RAY)] = LOCAL
    ray_address: ClusterAddress | None = _plain("RAY_ADDRESS")
    # Discord
    discord_token: DiscordToken = _plain("DISCORD_TOKEN")
    discord_admin_ids: Ids = _plain("DISCORD_ADMIN_IDS", frozenset())
    discord_admin_guild_id: int | None = _plain("DISCORD_ADMIN_GUILD_ID", ge=1)
    discord_guild_ids: Ids = _plain("DISCORD_GUILD_IDS", frozenset())
    discord_shard_count: int | None = _plain(SHARD_COUNT, ge=1, le=MOST_SHARDS)
    discord_shard_ids: Shards = _plain(SHARD_IDS, ())
    discord_api_base: HttpAddress | None = _plain("DISCORD_API_BASE")
    discord_gateway_url: GatewayAddress | None = _plain("DISCORD_GATEWAY_URL")
    # Telegram
    telegram_token: TelegramToken = _plain("TELEGRAM_TOKEN")
    telegram_admin_ids: Ids = _plain("TELEGRAM_ADMIN_IDS", frozenset())
    telegram_api_base: HttpAddress | None = _plain("TELEGRAM_API_BASE")
    # Telegram lets a poll wait for at most fifty seconds.
    telegram_poll_seconds: int = _plain("TELEGRAM_POLL_SECONDS", 30, ge=1, le=50)
    telegram_webhook_url: HttpAddress | None = _plain("TELEGRAM_WEBHOOK_URL")
    telegram_webhook_secret: Secret = _plain("TELEGRAM_WEBHOOK_SECRET")
    telegram_webhook_host: str = _plain("TELEGRAM_WEBHOOK_HOST", "127.0.0.1", min_length=1)
    telegram_webhook_port: int = _plain(WEBHOOK_PORT, 8443, ge=1, le=65_535)
    # the web page
    web: bool = False
    web_host: str = Field(default="127.0.0.1", min_length=1)
    web_port: int = Field(default=8080, ge=1, le=65_535)
    web_names: Hosts = frozenset()
    web_address_header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]{1,64}$")
    # who may ask, and how much; 0 means no limit
    person_per_minute: int = Field(default=5, ge=0, le=10_000)
    person_per_day: int = Field(default=60, ge=0, le=100_000)
    server_per_minute: int = Field(default=20, ge=0, le=100_000)
    strikes: int = Field(default=10, ge=0, le=1000)
    block_minutes: int = Field(default=10, ge=1, le=10_080)
    allowed_users: People = frozenset()
    blocked_users: People = frozenset()
    allowed_servers: Places = frozenset()
    blocked_servers: Places = frozenset()
    # running
    state_dir: Place = Field(default_factory=lambda: user_data_path("litteragpt", appauthor=False))
    database_url: DatabaseAddress = None
    audit_days: int = Field(default=90, ge=1, le=36_500)
    shutdown_seconds: Decimal = Field(default=20, ge=0, le=600, allow_inf_nan=False)
    metrics_host: str = Field(default="127.0.0.1", min_length=1)
    metrics_port: int = Field(default=0, ge=0, le=65_535)
    log_format: Annotated[str, OneOf(*FORMATS)] = TEXT
    log_level: Annotated[str, OneOf(*LEVELS)] = "INFO"
    log_levels: Levels = Field(default_factory=dict)
    log_phrases: bool = False

    def options(
        self,
        *,
        sentences: int | None = None,
        style: str | None = None,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> Options:
        """How a phrase is to be continued: as a person asked, and where nothing was said as these
        settings say, with a new seed. Raises PromptError for a value out of bounds."""
        candidates = self.fixed_candidates
        if candidates is None and seed is not None:
            candidates = candidates_of(seed)
        return Options(
            sentences=self.sentences if sentences is None else sentences,
            style=style,
            temperature=self.temperature if temperature is None else temperature,
            top_p=self.top_p,
            seed=new_seed() if seed is None else seed,
            sentence_limit=self.sentence_limit,
            candidates=candidates,
        )

    @property
    def fixed_candidates(self) -> int | None:
        """How many candidates every sentence has; None for `auto`."""
        return None if self.candidates == "auto" else int(self.candidates)

    @property
    def secrets(self) -> list[str]:
        """What must never be shown."""
        held = (
            self.discord_token,
            self.telegram_token,
            self.telegram_webhook_secret,
            self.database_url,
        )
        secrets = [secret.get_secret_value() for secret in held if secret is not None]
        if self.database_url is not None:
            password = urlsplit(self.database_url.get_secret_value()).password or ""
            # A shorter one would hide half of what the log says.
            secrets += [each for each in {password, unquote(password)} if len(each) >= 4]
        return secrets

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take what surrounds a value for no part of it; what is nothing then is not set."""
        cleaned = {
            name: plain(value) if isinstance(value, str) else value
            for name, value in values.items()
        }
        return {name: value for name, value in cleaned.items() if value != ""}

    @model_validator(mode="after")
    def _check_shards(self) -> Settings:
        ids, count = self.discord_shard_ids, self.discord_shard_count
        if ids and count is None:
            raise PydanticCustomError(
                SHARD_IDS, f"con {SHARD_IDS} se espera también {SHARD_COUNT}, cuántos shards hay"
            )
        if count is not None and (wrong := [each for each in ids if each >= count]):
            raise PydanticCustomError(
                SHARD_IDS,
                f"{write_ranges(wrong)} no vale: con {SHARD_COUNT}={count} los números van de 0 a "
                f"{count - 1}",
            )
        return self

    @model_validator(mode="after")
    def _check_cluster(self) -> Settings:
        if self.executor == RAY and self.ray_address is None:
            raise PydanticCustomError(
                "RAY_ADDRESS",
                "con LITTERAGPT_EXECUTOR=ray se espera máquina:puerto del clúster",
            )
        return self

    @model_validator(mode="after")
    def _check_webhook(self) -> Settings:
        secret = self.telegram_webhook_secret
        if self.telegram_webhook_url is None:
            return self
        if self.telegram_webhook_port == self.metrics_port:
            raise PydanticCustomError(
                METRICS_PORT, f"se espera otro puerto que el de {WEBHOOK_PORT}"
            )
        if secret is None or not re.fullmatch(WEBHOOK_KEY, secret.get_secret_value()):
            raise PydanticCustomError(
                "TELEGRAM_WEBHOOK_SECRET",
                "con TELEGRAM_WEBHOOK_URL se espera una clave de 16 a 256 letras, cifras, _ o -",
            )
        return self


def environment_names() -> dict[str, str]:
    """The environment variable of each field of Settings."""
    return {
        name: str(field.validation_alias or PREFIX + name.upper())
        for name, field in Settings.model_fields.items()
    }


def load_settings(**instead: Any) -> Settings:
    """Read and check the settings; raises SettingsError with a sentence for each wrong one. What is
    passed by a variable's name counts more than the environment and the file."""
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


def _check_lines(path: Path, encoding: str) -> None:
    """Raise SettingsError for a line that cannot be read: it may have been meant to be a token."""
    if not path.is_file():
        return
    with path.open(encoding=encoding) as file:
        wrong = [binding.original for binding in parse_stream(file) if binding.error]
    if wrong:
        text = wrong[0].string
        number = wrong[0].line + len(text) - len(text.lstrip("\n"))
        raise SettingsError(say("setting_line", number=number))


def unknown_settings() -> list[str]:
    """A warning for each variable that carries our prefix, or nearly the name of one of ours, and
    is none."""
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
        # Other programs may have variables that begin with the name of a platform.
        if hint or name.upper().startswith(PREFIX):
            warnings.append(say("setting_unknown", name=name, hint=hint))
    return warnings


def _explain(error: ValidationError) -> list[str]:
    names = environment_names()
    told = []
    for problem in error.errors():
        if not problem["loc"]:  # about several settings together
            told.append(say("setting_missing", name=problem["type"], expected=problem["msg"]))
            continue
        field = str(problem["loc"][0])
        name = names.get(field, field)
        # A secret is not shown, not even a wrong one.
        value = "..." if name.endswith(SECRET_ENDINGS) else shorten(str(problem["input"]))
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
        case "bool_parsing" | "bool_type":
            return "se espera true o false"
        case "string_pattern_mismatch":
            return "se espera el nombre de una cabecera HTTP"
        case "value_error":
            return str(limits["error"])
        case _:
            return "se espera otro valor"
