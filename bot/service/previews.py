"""Previews of an unfinished answer, at the platform's pace and never twice the same.

Edits count towards the rate limits of chat platforms (twenty messages a minute in a Telegram
group), so a quick answer has no preview there, and a preview ends with a sentence or a word. A
preview that would have to wait for an edit under way is dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine

from bot.executor.generation import Restarted
from bot.requests.platform import SELDOM, Pace
from model.text.sentences import split_sentences

# The last edit must arrive before the final text is sent, or it could overwrite it.
LAST_EDIT_SECONDS = 10.0


def showable(text: str) -> str:
    """An unfinished text up to its last whole sentence, or else its last whole word."""
    whole = " ".join(split_sentences(text)[:-1])
    return whole or text.rpartition(" ")[0]


class Previews:
    """The previews of one answer. An async context: no edit outlives it."""

    def __init__(self, asked: float, pace: Pace = SELDOM) -> None:
        self._pace = pace
        self._due = asked + pace.first
        self._text = ""
        self._shown = ""
        self._edit: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Previews:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._edit is not None:
            done, _pending = await asyncio.wait([self._edit], timeout=LAST_EDIT_SECONDS)
            if not done:
                self._edit.cancel()

    def add(self, piece: str | Restarted) -> str | None:
        """Add a piece of the text; returns the text to show now, if any."""
        # A restarted text is the same again: the preview stays until the text is longer.
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
        """Start the edit that shows the result of `add`, without waiting for it."""
        self._edit = asyncio.create_task(edit)
