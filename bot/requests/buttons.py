"""Buttons below answers. The id of a button holds its whole state: it works after any restart.

    verb.user.seed.options.checkpoint.style      c.1z141z3.3yqz1.2080.c7d1aeb08b9d.galdos

Numbers are in base 36; `options` is the number of sentences and the temperature in hundredths.
The verb of an ending is its number, and its seed is the ending's own.
Telegram's ids hold 64 bytes, Discord's 100 characters. The text is in the message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.requests.closing_phrase import closing_phrase
from bot.settings.settings import Settings
from bot.texts import say
from model.engine.result import Result
from model.errors import PromptError
from model.text.prompt import Options

ID_BYTES = 64
# Also tells our buttons from those of earlier versions or other programs.
PATTERN = (
    r"[catdf123]\.[0-9a-z]{1,13}\.[0-9a-z]{1,13}\.[1-9][0-2][0-9]{2}"
    r"\.[0-9a-f]{1,16}\.[a-z0-9_-]{0,40}"
)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Verb(StrEnum):
    """The action of a button."""

    CONTINUE = "c"
    AGAIN = "a"
    ENDINGS = "f"
    CARD = "t"
    DELETE = "d"
    FIRST = "1"
    SECOND = "2"
    THIRD = "3"


# The buttons that choose one of three endings, in their order.
CHOICES = (Verb.FIRST, Verb.SECOND, Verb.THIRD)
_LABELS = {
    Verb.CONTINUE: "button_continue",
    Verb.AGAIN: "button_again",
    Verb.ENDINGS: "button_endings",
    Verb.CARD: "button_card",
    Verb.DELETE: "button_delete",
}


@dataclass(frozen=True)
class Button:
    """A button, with the requester and the origin of its answer."""

    verb: Verb
    user: int
    sentences: int
    temperature: float
    seed: int
    checkpoint: str
    style: str | None

    @classmethod
    def of(cls, verb: Verb, user: int, options: Options, result: Result) -> Button:
        """A button below the answer to a user's request."""
        return cls(
            verb,
            user,
            options.sentences,
            options.temperature,
            result.seed,
            result.checkpoint,
            result.style,
        )

    @classmethod
    def below(cls, user: int, options: Options, result: Result) -> list[Button]:
        """All buttons below the answer to a user's request."""
        return [cls.of(verb, user, options, result) for verb in _LABELS]

    @classmethod
    def below_endings(cls, user: int, options: Options, results: Sequence[Result]) -> list[Button]:
        """All buttons below endings, in the order of their results."""
        chosen = zip(CHOICES, results, strict=True)
        buttons = [cls.of(verb, user, options, result) for verb, result in chosen]
        return [*buttons, replace(buttons[0], verb=Verb.DELETE)]

    def kept(self) -> list[Button]:
        """All buttons below the answer that this button's ending becomes."""
        return [replace(self, verb=verb) for verb in _LABELS]

    def label(self, language: str) -> str:
        """Its caption."""
        return say(_LABELS[self.verb], language) if self.verb in _LABELS else self.verb.value

    @property
    def id(self) -> str:
        """Its id on the platform."""
        options = f"{self.sentences}{round(100 * self.temperature):03}"
        fields = (_base36(self.user), _base36(self.seed), options, self.checkpoint)
        base = ".".join((self.verb, *fields)) + "."
        # A style that does not fit is omitted: better than no button for that style.
        whole = base + (self.style or "")
        return whole if len(whole) <= ID_BYTES and re.fullmatch(PATTERN, whole) else base

    @classmethod
    def read(cls, text: str) -> Button | None:
        """The button with an id, None for a foreign id."""
        if not re.fullmatch(PATTERN, text):
            return None
        verb, user, seed, options, checkpoint, style = text.split(".")
        button = cls(
            Verb(verb),
            int(user, 36),
            int(options[0]),
            int(options[1:]) / 100,
            int(seed, 36),
            checkpoint,
            style or None,
        )
        try:
            Options(button.sentences, button.style, button.temperature, seed=button.seed)
        except PromptError:
            return None
        return button

    def asks(self, phrase: str, text: str, settings: Settings) -> tuple[str, Options]:
        """The phrase and the options, with a new seed, of the request that the button makes.

        text: of the message above the button; begins with `phrase`. The style is kept even if the
        current model does not have it: the request is refused then, not answered in another style.
        """
        if self.verb is Verb.CONTINUE:
            phrase = closing_phrase(text, settings.phrase_limit)
        elif text[len(phrase) :][:1].isalpha():
            phrase += "-"  # its last word was completed, and may be again
        options = settings.options(
            sentences=self.sentences, style=self.style, temperature=self.temperature
        )
        return phrase, options


def origin_of(buttons: Sequence[Button], language: str) -> str:
    """The seed and checkpoint of the answer above buttons, or the seeds of its endings."""
    seeds = list(dict.fromkeys(button.seed for button in buttons))
    key = "info" if len(seeds) == 1 else "info_endings"
    values = {"seed": ", ".join(map(str, seeds)), "checkpoint": buttons[0].checkpoint}
    return say(key, language, **values)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
