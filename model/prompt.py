"""What a person asks for, checked before any decoder sees it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from model.errors import PromptError
from model.phrase import Phrase
from model.text import nearest, normalize
from model.tokenizer import Tokenizer

PHRASE_LIMIT = 400
SENTENCES = (1, 5)
TEMPERATURES = (0.0, 2.0)
SEEDS = (0, 2**63 - 1)
SENTENCE_LIMITS = (40, 4000)


@dataclass(frozen=True)
class Options:
    """How a phrase is to be continued. Raises PromptError for a value out of bounds.

    sentence_limit: characters after which a sentence is ended; seed: the text follows from it.
    """

    sentences: int = 2
    style: str | None = None
    temperature: float = 0.8
    top_p: float = 0.95
    seed: int = 0
    sentence_limit: int = 160

    def __post_init__(self) -> None:
        self._within("sentences", self.sentences, SENTENCES)
        self._within("temperature", self.temperature, TEMPERATURES)
        self._within("top_p", self.top_p, (0.01, 1.0))
        self._within("seed", self.seed, SEEDS)
        self._within("sentence_limit", self.sentence_limit, SENTENCE_LIMITS)

    @staticmethod
    def _within(code: str, value: float, bounds: tuple[float, float]) -> None:
        if not bounds[0] <= value <= bounds[1]:  # false for NaN too
            raise PromptError(code, value=value, least=bounds[0], most=bounds[1])


@dataclass(frozen=True)
class Prompt:
    """A phrase for a checkpoint.

    phrase: as typed; text: what the decoder reads; dropped: characters that it cannot read.
    """

    phrase: Phrase
    text: str
    dropped: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether the text ends in a word that must not be changed."""
        return not self.phrase.mark and self.text[-1:].isalnum()

    def shown(self, continuation: str) -> str:
        """See Phrase.shown."""
        return self.phrase.shown(continuation)


def check_phrase(phrase: str, limit: int = PHRASE_LIMIT) -> None:
    """Raise PromptError for a phrase that no checkpoint could continue: blank or too long."""
    # Normalising never shortens sensible text much; this bounds the work on absurd input.
    if len(phrase) > 8 * limit:
        raise PromptError("too_long", length=len(phrase), limit=limit)
    text = normalize(phrase)
    if not text:
        raise PromptError("empty" if not phrase.strip() else "unwritable")
    length = max(len(text), len(Phrase.of(phrase).text))
    if length > limit:
        raise PromptError("too_long", length=length, limit=limit)


def prepare(phrase: str, tokenizer: Tokenizer, limit: int = PHRASE_LIMIT) -> Prompt:
    """Normalise and check a phrase; raises PromptError when nothing of it can be continued."""
    check_phrase(phrase, limit)
    typed = Phrase.of(phrase)
    read = tokenizer.represent(typed.in_normal_case)
    if not read.text:
        raise PromptError("unwritable")
    if len(read.text) > limit:  # one character may stand for several letters
        raise PromptError("too_long", length=len(read.text), limit=limit)
    return Prompt(typed, read.text, read.dropped)


def check_style(style: str | None, offered: tuple[str, ...]) -> str | None:
    """The style's name among those offered; raises PromptError when it is none of them."""
    if style is None:
        return None
    wanted = "".join(map(nearest, style.strip().lower()))
    if wanted not in offered:
        raise PromptError("style", value=style, known=offered)
    return wanted


def new_seed() -> int:
    """A seed short enough to be typed again."""
    return secrets.randbelow(1_000_000_000)
