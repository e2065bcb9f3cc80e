"""Showing an unfinished answer: as often as the platform bears it, and never twice the same.

Edits cost the chat platforms' patience (and Telegram's twenty messages a minute), so there nothing
is shown of an answer that comes quickly, and what is shown ends with a sentence or a word. An edit
that would have to wait is dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass

from bot.executor.generation import Restarted
from model.text.sentences import split_sentences

# An edit on its way must arrive before the final text is sent, or it could overwrite it.
LAST_EDIT_SECONDS = 10.0


@dataclass(frozen=True)
class Pace:
    """How a platform wants to be shown unfinished answers.

    first: seconds after the request until anything is shown; every: seconds between two drafts;
    whole: only whole sentences, or else whole words.
    """

    first: float
    every: float
    whole: bool


SELDOM = Pace(first=1.5, every=1.0, whole=True)
AS_WRITTEN = Pace(first=0.0, every=0.0, whole=False)


def showable(text: str) -> str:
    """An unfinished text up to its last whole sentence, or else its last whole word."""
    whole = " ".join(split_sentences(text)[:-1])
    return whole or text.rpartition(" ")[0]


class Drafts:
    """The drafts of one answer. Use it as an async context: no edit outlives it."""

    def __init__(self, asked: float, pace: Pace = SELDOM) -> None:
        self._pace = pace
        self._due = asked + pace.first
        self._text = ""
        self._shown = ""
        self._edit: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Drafts:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._edit is not None:
            done, _pending = await asyncio.wait([self._edit], timeout=LAST_EDIT_SECONDS)
            if not done:
                self._edit.cancel()

    def add(self, piece: str | Restarted) -> str | None:
        """Take in a piece of the text; what to show now, if anything."""
        # A restarted text is the same again: what is shown stands until it grows past that.
        self._text = "" if isinstance(piece, Restarted) else self._text + piece
        now = time.monotonic()
        if now < self._due or (self._edit is not None and not self._edit.done()):
            return None
        shown = showable(self._text) if self._pace.whole else self._text
        if len(shown) <= len(self._shown):
            return None
        self._due, self._shown = now + self._pace.every, shown
        return shown

    def show(self, edit: Coroutine[None, None, None]) -> None:
        """Start an edit that `add` asked for, without waiting for it."""
        self._edit = asyncio.create_task(edit)
