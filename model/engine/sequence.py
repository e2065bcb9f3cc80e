"""One text being written: its tokens, its sentences, and when it is done.

A sequence knows text rules and its own random numbers; the engine knows tensors and rows. The
engine asks which tokens may come next (`constraint`), gives the one that was drawn (`accept`) and
reads what may be shown (`take_text`).
"""

from __future__ import annotations

import math
from collections import deque
from enum import IntEnum
from itertools import islice

import numpy as np

from model.text.prompt import Options, Prompt
from model.text.sentences import (
    OPENERS,
    TELLING,
    clause_ends,
    close_sentence,
    continues,
    may_end,
    split_sentences,
)
from model.text.tokenizer import Tokenizer

_RANDOM_NUMBERS = 64  # made at once; those of a seed are the same in any portions


class Constraint(IntEnum):
    """Which tokens may come next, so that a text splits again into the sentences counted."""

    INSIDE = 0  # anything but the separator
    MAY_END = 1  # the separator too
    CONTINUES = 2  # behind an end that was none: opening marks or lower case
    STARTS = 3  # a new sentence: opening marks, capitals, digits
    COMPLETE = 4  # behind a whole word: a space, or a mark that stands right behind a word


class Sequence:
    """A phrase and its continuation, token by token.

    before: the tokens of an earlier sequence of the phrase that is finished, to go on behind it;
    stream: which random numbers of the seed are drawn.
    """

    def __init__(
        self,
        prompt: Prompt,
        options: Options,
        tokenizer: Tokenizer,
        before: list[int] | None = None,
        stream: tuple[int, ...] = (),
    ) -> None:
        self.prompt, self.options, self.tokenizer = prompt, options, tokenizer
        self.tokens = [tokenizer.style_id(options.style), *tokenizer.encode(prompt.text)]
        self.sentences: list[str] = []
        self.unchanged = 0  # tokens that the last cut has left as they were
        self.truncated = 0  # sentences that had to be cut within a clause
        self._random = np.random.default_rng([options.seed, *stream] if stream else options.seed)
        self._uniforms: deque[float] = deque()
        self.drawn = 0  # tokens so far, those that a cut has taken back included
        self._likelihood = 0.0
        self._sentence = split_sentences(prompt.text)[-1]
        self.inherited = self._sentence  # what the first sentence has of the phrase
        self._own = 0  # characters of the current sentence that were generated
        self._taken = 0  # of these, how many were shown
        self._pending = ""  # text to show that the current sentence no longer holds
        self._written = 0
        if before is not None:
            self.tokens = list(before)
        # A finished phrase is followed by new sentences. After an ellipsis the decoder decides.
        finished = may_end(self._sentence) and not self._sentence.endswith("...")
        if before is not None or finished:
            self._begin_sentence()
            self.inherited = ""

    @property
    def finished(self) -> bool:
        """Whether all sentences are complete."""
        return len(self.sentences) >= self.options.sentences

    @property
    def characters(self) -> int:
        """How many characters were generated so far, the spaces between sentences included."""
        return self._written + self._own

    @property
    def sentence(self) -> str:
        """The unfinished sentence, with what the phrase had of it."""
        return self._sentence

    @property
    def text(self) -> str:
        """The phrase, as the decoder reads it, and its continuation so far."""
        return self.tokenizer.decode(self.tokens[1:]).rstrip(" ")

    @property
    def continuation(self) -> str:
        """The text behind the phrase so far."""
        return self.text[len(self.prompt.text) :]

    @property
    def likelihood(self) -> float:
        """The mean log-probability of the tokens drawn so far, at temperature 1; NaN before any."""
        return self._likelihood / self.drawn if self.drawn else math.nan

    def draw(self) -> float:
        """The next random number of this text, in [0, 1)."""
        if not self._uniforms:
            self._refill(1)
        return self._uniforms.popleft()

    def upcoming(self, count: int) -> list[float]:
        """The next random numbers, which stay to be drawn."""
        self._refill(count)
        return list(islice(self._uniforms, count))

    def constraint(self) -> Constraint:
        """Which tokens may come next."""
        if self._sentence and self._sentence[-1] not in TELLING:
            # The first is nearly always so.
            whole = not self.characters and self.prompt.whole
            return Constraint.COMPLETE if whole else Constraint.INSIDE
        if OPENERS.issuperset(self._sentence):
            return Constraint.STARTS
        if may_end(self._sentence):
            return Constraint.MAY_END
        return Constraint.CONTINUES if continues(self._sentence) else Constraint.INSIDE

    def accept(self, token: int, likelihood: float) -> bool:
        """Add a drawn token and its log-probability. True when tokens behind the first `unchanged`
        are others now.

        A space that stands for the separator ends a sentence wherever one may end.
        """
        self._likelihood += likelihood
        self.drawn += 1
        if token == self.tokenizer.separator and may_end(self._sentence):
            self._end_sentence()
            return False
        self.tokens.append(token)
        self._sentence += self.tokenizer.pieces[token]
        self._own += 1
        if self._own < self.options.sentence_limit:
            return False
        self._close_runaway()
        return True

    def accept_all(self, tokens: list[int], likelihoods: list[float]) -> tuple[int, bool]:
        """Accept tokens of an unfinished text that were drawn one after the other with the next
        random numbers, until it is finished or earlier ones changed: how many, and whether so."""
        room = self.options.sentence_limit - self._own
        if len(tokens) < room and self.tokenizer.separator not in tokens:
            # Nearly always, and done a million times a second.
            self.tokens += tokens
            self._sentence += self.tokenizer.decode(tokens)
            self._own += len(tokens)
            self._likelihood += sum(likelihoods)
            self.drawn += len(tokens)
            taken, cut = len(tokens), False
        else:
            taken, cut = 0, False
            while taken < len(tokens) and not (cut or self.finished):
                cut = self.accept(tokens[taken], likelihoods[taken])
                taken += 1
        self._refill(taken)
        for _ in range(taken):
            self._uniforms.popleft()
        return taken, cut

    def take_text(self) -> str:
        """What may be shown since the last call; what was shown is never taken back."""
        shown, self._pending = self._pending, ""
        start = len(self._sentence) - self._own
        upto = self._showable()
        shown += self._sentence[start + self._taken : start + upto]
        self._taken = upto
        return shown

    def _refill(self, count: int) -> None:
        while len(self._uniforms) < count:
            self._uniforms.extend(self._random.random(_RANDOM_NUMBERS).tolist())

    def _showable(self) -> int:
        """How many of the current sentence's own characters may be shown.

        All of them up to half its limit, then whole clauses only, since it may yet be cut. This
        does not depend on what was asked for when, and so neither does where a runaway is cut.
        """
        half = self.options.sentence_limit // 2
        if self._own <= half:
            return self._own
        start = len(self._sentence) - self._own
        ends = clause_ends(self._sentence, start + half)
        return ends[0] - start if ends else half

    def _end_sentence(self) -> None:
        """The separator was drawn: count the sentence, unless nothing of it was written here."""
        start = len(self._sentence) - self._own
        self._pending += self._sentence[start + self._taken :]
        if self._own:
            self.sentences.append(self._sentence)
        if not self.finished:
            self._begin_sentence()
        else:
            self._forget_sentence()

    def _begin_sentence(self) -> None:
        self.tokens.append(self.tokenizer.separator)
        self._forget_sentence()
        self._pending += " "
        self._written += 1

    def _forget_sentence(self) -> None:
        self._written += self._own
        self._sentence, self._own, self._taken = "", 0, 0

    def _close_runaway(self) -> None:
        """End a sentence at its limit, at the last clause boundary that nobody can have seen."""
        start = len(self._sentence) - self._own
        least = start + self._showable()
        closed = close_sentence(self._sentence, least)
        ends = clause_ends(self._sentence, least)
        self.truncated += not {len(closed), len(closed) - 1} & set(ends)
        before = self.tokens.copy()
        del self.tokens[len(self.tokens) - self._own :]
        self.tokens += map(self.tokenizer.character_ids.__getitem__, closed[start:])
        self.unchanged = shared(before, self.tokens)
        self._sentence, self._own = closed, len(closed) - start
        self._end_sentence()


def shared(one: list[int], other: list[int]) -> int:
    """How many tokens two texts have in common at their beginnings."""
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return place
    return min(len(one), len(other))


def visible(tokens: list[int], context: int) -> list[int]:
    """The tokens a decoder of this context reads to predict the next one.

    All of them while they fit. Behind that the window moves on by a quarter of the context at a
    time, so that what was read stays valid for many steps; the first token, which names the
    author, always stays.
    """
    if len(tokens) <= context:
        return tokens
    hop = max(1, context // 4)
    hidden = -(-(len(tokens) - context) // hop) * hop
    return [tokens[0], *tokens[1 + hidden :]]
