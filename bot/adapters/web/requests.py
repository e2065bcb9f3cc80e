"""The JSON bodies of the page's requests."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.settings.settings import Settings
from model.text.prompt import SEEDS, SENTENCES, TEMPERATURES, Options

BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0
TEXT_LIMIT = 12_000  # characters

_Text = Annotated[str, Field(max_length=TEXT_LIMIT)]
_Style = Annotated[str, Field(max_length=64)]


class _Asked(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    language: Literal["es", "en"]


class TextAsked(_Asked):
    """A phrase to continue, a text to extend at its end, or a request for several endings of
    either."""

    text: _Text
    goes_on: bool = False
    endings: bool = False
    style: _Style | None = None
    sentences: int = Field(ge=SENTENCES[0], le=SENTENCES[1])
    temperature: float = Field(ge=TEMPERATURES[0], le=TEMPERATURES[1], allow_inf_nan=False)

    def options(self, settings: Settings) -> Options:
        """The options of the answer."""
        return settings.options(
            sentences=self.sentences, style=self.style, temperature=self.temperature
        )


class CardAsked(_Asked):
    """A phrase and its continuation, to render as a card."""

    phrase: _Text
    continuation: _Text
    style: _Style | None = None
    seed: int = Field(ge=SEEDS[0], le=SEEDS[1])
    checkpoint: Annotated[str, Field(pattern=r"^[0-9a-f]{1,16}$")]


_Kind = TypeVar("_Kind", bound=_Asked)


async def read(request: web.Request, kind: type[_Kind]) -> _Kind:
    """Read and validate a body. Raises HTTPBadRequest for a malformed or late body,
    HTTPRequestEntityTooLarge for a long one."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.read()
        return kind.model_validate_json(body)
    except (TimeoutError, ValidationError):
        raise web.HTTPBadRequest from None
