"""A sequence: tokens, sentences and random numbers of one continuation.

A sequence knows the text rules; the engine knows tensors and slots. The engine asks which tokens
may come next (`constraint`), appends the sampled one (`accept`) and streams the text that can no
longer change (`take_text`).
"""

from __future__ import annotations

import math
from collections import deque
from itertools import islice

import numpy as np

from model.text.constraints import Constraint
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

_RANDOM_NUMBERS = 64  # generated at a time; the portion does not change a seed's numbers


class Sequence:
    """A phrase and its continuation, token by token.

    before: the tokens of a finished sequence of the same phrase, which this one continues.
    stream: selects a stream of the seed's random numbers.
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
        self.unchanged = 0  # leading tokens that the last cut kept
        self.truncated = 0  # sentences cut within a clause
        self._random = np.random.default_rng([options.seed, *stream] if stream else options.seed)
        self._uniforms: deque[float] = deque()
        self.sampled = 0  # tokens so far, including those that a cut removed
        self._likelihood = 0.0
        self._sentence = split_sentences(prompt.text)[-1]
        self.inherited = self._sentence  # the phrase's part of the first sentence
        self._own = 0  # characters of the current sentence that were generated
        self._taken = 0  # how many of these were streamed
        self._pending = ""  # unstreamed text of earlier sentences
        self._written = 0
        if before is not None:
            self.tokens = list(before)
        # New sentences follow a finished phrase. After an ellipsis the decoder decides.
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
        """How many characters were generated, including the spaces between sentences."""
        return self._written + self._own

    @property
    def sentence(self) -> str:
        """The unfinished sentence, including the phrase's part of it."""
        return self._sentence

    @property
    def text(self) -> str:
        """The phrase as the decoder reads it, and the continuation so far."""
        return self.tokenizer.decode(self.tokens[1:]).rstrip(" ")

    @property
    def continuation(self) -> str:
        """The text after the phrase so far."""
        return self.text[len(self.prompt.text) :]

    @property
    def likelihood(self) -> float:
        """The mean log-probability of the sampled tokens at temperature 1; NaN before any."""
        return self._likelihood / self.sampled if self.sampled else math.nan

    def next_uniform(self) -> float:
        """Consume the next random number, in [0, 1)."""
        if not self._uniforms:
            self._refill(1)
        return self._uniforms.popleft()

    def peek_uniforms(self, count: int) -> list[float]:
        """The next random numbers, without consuming them."""
        self._refill(count)
        return list(islice(self._uniforms, count))

    def constraint(self) -> Constraint:
        """Which tokens may come next."""
        if self._sentence and self._sentence[-1] not in TELLING:
            # True only of a sequence's first token.
            whole = not self.characters and self.prompt.whole
            return Constraint.COMPLETE if whole else Constraint.INSIDE
        if OPENERS.issuperset(self._sentence):
            return Constraint.STARTS
        if may_end(self._sentence):
            return Constraint.MAY_END
        return Constraint.CONTINUES if continues(self._sentence) else Constraint.INSIDE

    def accept(self, token: int, likelihood: float) -> bool:
        """Append a sampled token with its log-probability; return whether the sentence was cut.

        After a cut only the first `unchanged` tokens are still the same. In a vocabulary without
        marks the space is the separator: it ends a sentence wherever one may end.
        """
        self._likelihood += likelihood
        self.sampled += 1
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
        """Accept tokens that were sampled in order with the next random numbers.

        Stops when the text is finished or cut. Returns how many tokens were accepted, and whether
        there was a cut.
        """
        room = self.options.sentence_limit - self._own
        if len(tokens) < room and self.tokenizer.separator not in tokens:
            # The common case, up to a million times a second.
            self.tokens += tokens
            self._sentence += self.tokenizer.decode(tokens)
            self._own += len(tokens)
            self._likelihood += sum(likelihoods)
            self.sampled += len(tokens)
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
        """The final text since the last call; it is never revised."""
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
        """How many of the current sentence's generated characters are final.

        All of them up to half its limit, then whole clauses only, since the sentence may yet be
        cut. Independent of when `take_text` was called, and so is the place of a cut.
        """
        half = self.options.sentence_limit // 2
        if self._own <= half:
            return self._own
        start = len(self._sentence) - self._own
        ends = clause_ends(self._sentence, start + half)
        return ends[0] - start if ends else half

    def _end_sentence(self) -> None:
        """Handle a separator: count the sentence, unless none of it was generated here."""
        start = len(self._sentence) - self._own
        self._pending += self._sentence[start + self._taken :]
        if self._own:
            self.sentences.append(self._sentence)
        if not self.finished:
            self._begin_sentence()
        else:
            self._reset_sentence()

    def _begin_sentence(self) -> None:
        self.tokens.append(self.tokenizer.separator)
        self._reset_sentence()
        self._pending += " "
        self._written += 1

    def _reset_sentence(self) -> None:
        self._written += self._own
        self._sentence, self._own, self._taken = "", 0, 0

    def _close_runaway(self) -> None:
        """End a sentence at its limit, at the last clause boundary that was not streamed yet."""
        start = len(self._sentence) - self._own
        least = start + self._showable()
        closed = close_sentence(self._sentence, least)
        ends = clause_ends(self._sentence, least)
        self.truncated += not {len(closed), len(closed) - 1} & set(ends)
        before = self.tokens.copy()
        del self.tokens[len(self.tokens) - self._own :]
        self.tokens += map(self.tokenizer.character_ids.__getitem__, closed[start:])
        self.unchanged = common_prefix(before, self.tokens)
        self._sentence, self._own = closed, len(closed) - start
        self._end_sentence()


def common_prefix(one: list[int], other: list[int]) -> int:
    """The length of the common prefix of two token lists."""
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return place
    return min(len(one), len(other))


def context_window(tokens: list[int], context: int) -> list[int]:
    """The tokens that a decoder of this context reads to predict the next one.

    All of them while they fit. Beyond that the window moves by a quarter of the context at a time,
    so that the KV cache stays valid for many steps. The first token, which names the author, always
    stays.
    """
    if len(tokens) <= context:
        return tokens
    hop = max(1, context // 4)
    hidden = -(-(len(tokens) - context) // hop) * hop
    return [tokens[0], *tokens[1 + hidden :]]
