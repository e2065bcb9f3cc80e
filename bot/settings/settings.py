"""The `Settings` class: every setting with its type, default and bounds.

`bot.texts.settings` explains each setting. `make tables` generates `.env.example` and the settings
tables from those texts and from this class; a test compares them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import unquote as percent_decoded
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.logs import FORMATS, LEVELS, TEXT
from bot.settings.fields import (
    MOST_SHARDS,
    WEBHOOK_KEY,
    AutoOr,
    ClusterAddress,
    DatabaseAddress,
    Decimal,
    DiscordToken,
    ExpandedPath,
    GatewayAddress,
    Hosts,
    HttpAddress,
    Ids,
    Levels,
    NameOrPath,
    OneOf,
    People,
    Places,
    Secret,
    Shards,
    TelegramToken,
    unquote,
)
from bot.settings.names import (
    ENV_FILE,
    LOCAL,
    METRICS_PORT,
    PREFIX,
    RAY,
    SHARD_COUNT,
    SHARD_IDS,
    WEBHOOK_PORT,
)
from bot.texts.number_ranges import write_ranges
from model.checkpoint.discovery import bundled_checkpoints
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


def _variable(name: str, default: object = None, **bounds: Any) -> Any:
    """A setting that is read from the variable `name`, without the prefix."""
    return Field(default=default, validation_alias=name, **bounds)


class Settings(BaseSettings):
    """All settings, validated. Absent from the environment and `.env`, each has its default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    # generation
    device: Annotated[str, OneOf("auto", "cpu", "cuda")] = "auto"
    engine: Annotated[str, OneOf("auto", "native", "pytorch")] = "auto"
    checkpoint: NameOrPath = Field(default="small", min_length=1)
    checkpoints_dir: ExpandedPath = Field(default_factory=bundled_checkpoints)
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
    # executor
    executor: Annotated[str, OneOf(LOCAL, RAY)] = LOCAL
    ray_address: ClusterAddress | None = _variable("RAY_ADDRESS")
    # Discord
    discord_token: DiscordToken = _variable("DISCORD_TOKEN")
    discord_admin_ids: Ids = _variable("DISCORD_ADMIN_IDS", frozenset())
    discord_admin_guild_id: int | None = _variable("DISCORD_ADMIN_GUILD_ID", ge=1)
    discord_guild_ids: Ids = _variable("DISCORD_GUILD_IDS", frozenset())
    discord_shard_count: int | None = _variable(SHARD_COUNT, ge=1, le=MOST_SHARDS)
    discord_shard_ids: Shards = _variable(SHARD_IDS, ())
    discord_api_base: HttpAddress | None = _variable("DISCORD_API_BASE")
    discord_gateway_url: GatewayAddress | None = _variable("DISCORD_GATEWAY_URL")
    # Telegram
    telegram_token: TelegramToken = _variable("TELEGRAM_TOKEN")
    telegram_admin_ids: Ids = _variable("TELEGRAM_ADMIN_IDS", frozenset())
    telegram_api_base: HttpAddress | None = _variable("TELEGRAM_API_BASE")
    # Telegram limits a long poll to 50 seconds.
    telegram_poll_seconds: int = _variable("TELEGRAM_POLL_SECONDS", 30, ge=1, le=50)
    telegram_webhook_url: HttpAddress | None = _variable("TELEGRAM_WEBHOOK_URL")
    telegram_webhook_secret: Secret = _variable("TELEGRAM_WEBHOOK_SECRET")
    telegram_webhook_host: str = _variable("TELEGRAM_WEBHOOK_HOST", "127.0.0.1", min_length=1)
    telegram_webhook_port: int = _variable(WEBHOOK_PORT, 8443, ge=1, le=65_535)
    # web page
    web: bool = False
    web_host: str = Field(default="127.0.0.1", min_length=1)
    web_port: int = Field(default=8080, ge=1, le=65_535)
    web_names: Hosts = frozenset()
    web_address_header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]{1,64}$")
    # access and rate limits; 0 means no limit
    person_per_minute: int = Field(default=5, ge=0, le=10_000)
    person_per_day: int = Field(default=60, ge=0, le=100_000)
    server_per_minute: int = Field(default=20, ge=0, le=100_000)
    strikes: int = Field(default=10, ge=0, le=1000)
    block_minutes: int = Field(default=10, ge=1, le=10_080)
    allowed_users: People = frozenset()
    blocked_users: People = frozenset()
    allowed_servers: Places = frozenset()
    blocked_servers: Places = frozenset()
    # operation
    state_dir: ExpandedPath = Field(
        default_factory=lambda: user_data_path("litteragpt", appauthor=False)
    )
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
        """The options of one request: the given values, else these settings and a new seed.

        Raises PromptError for a value out of bounds."""
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
        """Candidates per sentence; None for `auto`."""
        return None if self.candidates == "auto" else int(self.candidates)

    @property
    def secrets(self) -> list[str]:
        """Values to redact from logs and messages."""
        held = (
            self.discord_token,
            self.telegram_token,
            self.telegram_webhook_secret,
            self.database_url,
        )
        secrets = [secret.get_secret_value() for secret in held if secret is not None]
        if self.database_url is not None:
            password = urlsplit(self.database_url.get_secret_value()).password or ""
            # Redacting a shorter password would make the log unreadable.
            secrets += [each for each in {password, percent_decoded(password)} if len(each) >= 4]
        return secrets

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Strip spaces and quotes; an empty value counts as unset."""
        cleaned = {
            name: unquote(value) if isinstance(value, str) else value
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
