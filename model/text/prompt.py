"""Prompts and options, checked before they reach a decoder."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from model.errors import PromptError
from model.text.normalize import nearest, normalize
from model.text.phrase import Phrase
from model.text.tokenizer import Tokenizer

PHRASE_LIMIT = 400
SENTENCES = (1, 5)
TEMPERATURES = (0.0, 2.0)
SEEDS = (0, 2**63 - 1)
SENTENCE_LIMITS = (40, 4000)
CANDIDATES = (1, 64)
# Candidates per sentence if there is time for them.
STANDARD_CANDIDATES = 32
# A seed from _SHORT_SEED on encodes the number of candidates: its tenth digit is an index into this
# tuple. So a seed alone reproduces a text, independent of the load.
_LEVELS = (STANDARD_CANDIDATES, 1, 2, 4, 8, 16, 64)
_SHORT_SEED = 1_000_000_000


@dataclass(frozen=True)
class Options:
    """Parameters of a continuation. Raises PromptError for a value out of bounds."""

    sentences: int = 2
    style: str | None = None
    temperature: float = 0.6
    top_p: float = 0.95
    seed: int = 0  # determines the text
    sentence_limit: int = 160  # characters after which a sentence is cut
    candidates: int | None = 1  # per sentence, of which the best is kept; None: see `affording`

    def __post_init__(self) -> None:
        self._within("sentences", self.sentences, SENTENCES)
        self._within("temperature", self.temperature, TEMPERATURES)
        self._within("top_p", self.top_p, (0.01, 1.0))
        self._within("seed", self.seed, SEEDS)
        self._within("sentence_limit", self.sentence_limit, SENTENCE_LIMITS)
        if self.candidates is not None:
            self._within("candidates", self.candidates, CANDIDATES)

    def affording(self, candidates: int) -> Options:
        """These options with up to `candidates` candidates, encoded in the seed.

        Unchanged if the number of candidates is set.
        """
        if self.candidates is not None:
            return self
        chosen = max(each for each in _LEVELS if each <= max(1, candidates))
        seed = self.seed % _SHORT_SEED + _LEVELS.index(chosen) * _SHORT_SEED
        return replace(self, seed=seed, candidates=chosen)

    @staticmethod
    def _within(code: str, value: float, bounds: tuple[float, float]) -> None:
        if not bounds[0] <= value <= bounds[1]:  # false for NaN too
            raise PromptError(code, value=value, least=bounds[0], most=bounds[1])


@dataclass(frozen=True)
class Prompt:
    """A phrase prepared for a checkpoint."""

    phrase: Phrase  # as typed
    text: str  # for the decoder
    dropped: tuple[str, ...]  # characters that the vocabulary lacks

    @property
    def whole(self) -> bool:
        """Whether the text ends in a complete word."""
        return not self.phrase.mark and self.text[-1:].isalnum()

    def shown(self, continuation: str) -> str:
        """See Phrase.shown."""
        return self.phrase.shown(continuation)


def check_phrase(phrase: str, limit: int = PHRASE_LIMIT) -> None:
    """Raise PromptError for a phrase that no checkpoint can continue: blank or too long."""
    # Normalization hardly shortens sensible text; this bounds the work on absurd input.
    if len(phrase) > 8 * limit:
        raise PromptError("too_long", length=len(phrase), limit=limit)
    text = normalize(phrase)
    if not text:
        raise PromptError("empty" if not phrase.strip() else "unwritable")
    length = max(len(text), len(Phrase.of(phrase).text))
    if length > limit:
        raise PromptError("too_long", length=length, limit=limit)


def prepare(phrase: str, tokenizer: Tokenizer, limit: int = PHRASE_LIMIT) -> Prompt:
    """Normalise and check a phrase; raises PromptError if it cannot be continued."""
    check_phrase(phrase, limit)
    typed = Phrase.of(phrase)
    read = tokenizer.represent(typed.in_normal_case)
    if not read.text:
        raise PromptError("unwritable")
    if len(read.text) > limit:  # one character may become several letters
        raise PromptError("too_long", length=len(read.text), limit=limit)
    return Prompt(typed, read.text, read.dropped)


def check_style(style: str | None, offered: tuple[str, ...]) -> str | None:
    """The style's name among those offered; raises PromptError for an unknown style."""
    if style is None:
        return None
    wanted = "".join(map(nearest, style.strip().lower()))
    if wanted not in offered:
        raise PromptError("style", value=style, known=offered)
    return wanted


def candidates_of(seed: int) -> int:
    """The number of candidates that a seed encodes."""
    level = seed // _SHORT_SEED
    return _LEVELS[level] if level < len(_LEVELS) else STANDARD_CANDIDATES


def new_seed() -> int:
    """A random seed that is short enough to retype."""
    return secrets.randbelow(_SHORT_SEED)
