"""A composition: the continuation of a phrase, sampled once or as the best of several candidates.

With candidates it advances in rounds, one per sentence. A round depends on the seed, the number of
candidates and the sentences chosen before; its end depends on how many tokens each candidate took.
So the text does not depend on the other texts in the engine.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from model.engine.sequence import Sequence
from model.ranking.candidate import Candidate
from model.ranking.fault import Fault
from model.ranking.ranking import Judgement, Ranking
from model.text.prompt import STANDARD_CANDIDATES, Options, Prompt
from model.text.tokenizer import Tokenizer

# A round ends when this share of its candidates, and at least FEWEST, finished without a fault: the
# unfinished ones would be longer than all of these.
ENOUGH, FEWEST = 0.25, 2


class Composition:
    """A text in progress; `Engine.add` starts it."""

    def __init__(
        self, prompt: Prompt, options: Options, tokenizer: Tokenizer, ranking: Ranking
    ) -> None:
        self.prompt = prompt
        self.options = options.affording(STANDARD_CANDIDATES)
        self.tokenizer, self._ranking = tokenizer, ranking
        self.sampled = 0  # candidates in finished rounds
        self.rejected: Counter[Fault] = Counter()  # candidates with each fault
        self._count = self.options.candidates or 1
        self._chosen: list[Sequence] = []
        self._pending = ""  # text of chosen sentences that was not streamed yet
        self._round: _Round | None = None
        # Without candidates to choose from, one sequence generates all sentences.
        self._only: Sequence | None = None
        if self._count == 1:
            self._only = Sequence(prompt, self.options, tokenizer)
        else:
            self._round = self._next_round()

    @property
    def sequences(self) -> list[Sequence]:
        """The sequences that the engine must extend now."""
        if self._only is not None:
            return [self._only]
        return [] if self._round is None else list(self._round.running)

    @property
    def finished(self) -> bool:
        """Whether all sentences are complete."""
        if self._only is not None:
            return self._only.finished
        return self._round is None

    @property
    def parts(self) -> list[Sequence]:
        """The sequences that make up the text so far, in order."""
        return self._chosen if self._only is None else [self._only]

    @property
    def characters(self) -> int:
        """How many characters of the text were generated."""
        return sum(part.characters for part in self.parts)

    @property
    def text(self) -> str:
        """The phrase as the decoder reads it, and the continuation so far."""
        return self.parts[-1].text if self.parts else self.prompt.text

    @property
    def continuation(self) -> str:
        """The text after the phrase so far."""
        return self.text[len(self.prompt.text) :]

    @property
    def sentences(self) -> list[str]:
        """The complete sentences so far; the first includes the phrase's part of it."""
        return [sentence for part in self.parts for sentence in part.sentences]

    @property
    def inherited(self) -> str:
        """The phrase's part of the first sentence."""
        return self.parts[0].inherited if self.parts else ""

    @property
    def truncated(self) -> int:
        """How many sentences were cut within a clause."""
        return sum(part.truncated for part in self.parts)

    def take_text(self) -> str:
        """The final text since the last call; it is never revised."""
        if self._only is not None:
            return self._only.take_text()
        text, self._pending = self._pending, ""
        return text

    def advance(self) -> tuple[list[Sequence], list[Sequence]]:
        """Update the round after a step.

        Returns the sequences that need not be finished, and those of the next round if this one
        ended.
        """
        if self._round is None:
            return [], []
        dropped = self._round.judge_finished()
        if self._round.running:
            return dropped, []
        chosen = self._round.choose(self._uniform())
        self.sampled += self._count
        self.rejected += self._round.rejected
        self._chosen.append(chosen)
        self._pending += chosen.take_text()
        done = len(self._chosen) == self.options.sentences
        self._round = None if done else self._next_round()
        return dropped, self.sequences

    def _next_round(self) -> _Round:
        number = len(self._chosen)
        before = self._chosen[-1].tokens if self._chosen else None
        options = replace(self.options, sentences=1)
        candidates = [
            Sequence(self.prompt, options, self.tokenizer, before, (number, each))
            for each in range(self._count)
        ]
        return _Round(candidates, self.text, self._ranking)

    def _uniform(self) -> float:
        """The random number that selects among the best of this round."""
        stream = [self.options.seed, len(self._chosen), self._count]
        return float(np.random.default_rng(stream).random())


class _Round:
    """The candidates of one sentence."""

    def __init__(self, candidates: list[Sequence], before: str, ranking: Ranking) -> None:
        self._candidates, self._before, self._ranking = candidates, before, ranking
        self.running = list(candidates)
        self._judged: dict[int, Judgement] = {}  # by the candidate's number
        self._enough = max(FEWEST, round(ENOUGH * len(candidates)))
        self._most: int | None = None  # longer candidates, in tokens, do not count

    @property
    def rejected(self) -> Counter[Fault]:
        """How many of the counted candidates have each fault."""
        return Counter(fault for judged in self._counted().values() for fault in judged.faults)

    def judge_finished(self) -> list[Sequence]:
        """Judge the finished candidates; return those longer than enough good ones, now dropped."""
        for number, each in enumerate(self._candidates):
            if each.finished and number not in self._judged:
                self._judged[number] = self._ranking.judge(self._described(each))
        good = sorted(
            self._candidates[number].sampled
            for number, judged in self._judged.items()
            if not judged.faults
        )
        if len(good) >= self._enough:
            self._most = good[self._enough - 1]
        dropped = [
            each
            for each in self.running
            if not each.finished and self._most is not None and each.sampled >= self._most
        ]
        gone = {id(each) for each in dropped}
        self.running = [each for each in self.running if not each.finished and id(each) not in gone]
        return dropped

    def choose(self, uniform: float) -> Sequence:
        """The best candidate."""
        counted = self._counted()
        numbers = sorted(counted)
        kept = self._ranking.choose([counted[number] for number in numbers], uniform)
        return self._candidates[numbers[kept]]

    def _counted(self) -> dict[int, Judgement]:
        """The judgements of the candidates that are not too long, by number."""
        return {
            number: judged
            for number, judged in self._judged.items()
            if self._most is None or self._candidates[number].sampled <= self._most
        }

    def _described(self, sequence: Sequence) -> Candidate:
        sentence, inherited = sequence.sentences[0], sequence.inherited
        return Candidate(
            phrase=sequence.prompt.text,
            before="" if inherited else self._before,
            sentence=sentence,
            own=sentence[len(inherited) :],
            likelihood=sequence.likelihood,
            cut=sequence.truncated > 0,
            style=sequence.options.style,
        )
