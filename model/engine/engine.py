"""Continuous batching: texts join and leave between steps, each step a token or more for all.

The engine is single-threaded and knows nothing of processes or chats. Rows of the KV cache are the
places at the table; who finds none waits in order. What a row holds stays there when its text has
left, and a text that begins in the same way need not be read from its beginning.

How the seated texts are written depends on what the decoder offers: `model.engine.synchronous`
asks a session for every token, `model.engine.pipelined` lets a runner draw several before it looks.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from model.checkpoint.checkpoint import Checkpoint
from model.checkpoint.weights import Floats
from model.engine.backend import Backend, Runner, Session
from model.engine.composition import Composition
from model.engine.pipelined import Running
from model.engine.sequence import Constraint, Sequence, shared, visible
from model.engine.slot import Seat, Way
from model.engine.synchronous import Stepping
from model.text.automaton import Automaton
from model.text.sentences import BEHIND_A_WORD, OPENERS
from model.text.tokenizer import Tokenizer


class Engine:
    """Writes up to `rows` sequences at a time with one checkpoint.

    affords: from how many candidates this machine can choose a sentence in time, for those who
    decide it.
    """

    def __init__(self, checkpoint: Checkpoint[Backend], rows: int = 16, affords: int = 1) -> None:
        self.checkpoint, self.affords = checkpoint, affords
        self._context = checkpoint.decoder.config.context
        masks, automaton = constraint_masks(checkpoint.tokenizer), Automaton(checkpoint.tokenizer)
        self._session = checkpoint.decoder.session(rows, masks, checkpoint.drafts, automaton)
        self._way = _way(self._session, automaton, rows, self._context)
        self._free: dict[int, list[int]] = {row: [] for row in range(rows)}  # and what each holds
        self._waiting: deque[tuple[Composition, Sequence]] = deque()
        self._seats: list[Seat] = []

    @property
    def busy(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._waiting or self._seats)

    @property
    def running(self) -> int:
        """How many sequences the next step extends."""
        return len(self._seats)

    def add(self, text: Composition) -> None:
        """Queue a text made for this engine's checkpoint."""
        self._waiting.extend((text, sequence) for sequence in text.sequences)

    def cancel(self, text: Composition) -> None:
        """Drop a text wherever it is; unknown ones are ignored."""
        self._waiting = deque(each for each in self._waiting if each[0] is not text)
        for seat in [seat for seat in self._seats if seat.text is text]:
            self._leave(seat)

    def step(self) -> list[Composition]:
        """Write on, a token or more of seated sequences. Returns the texts it touched."""
        self._seat_newcomers()
        if not self._seats:
            return []
        touched = {id(seat.text): seat.text for seat in self._way.write(self._seats)}
        for seat in [seat for seat in self._seats if seat.sequence.finished]:
            self._leave(seat)
        for text in touched.values():
            self._settle(text)
        return list(touched.values())

    def _settle(self, text: Composition) -> None:
        """Go on with the next candidates of a text whose best are known."""
        dropped, joining = text.settle()
        for sequence in dropped:
            self._drop(sequence)
        self._waiting.extend((text, sequence) for sequence in joining)

    def _drop(self, sequence: Sequence) -> None:
        self._waiting = deque(each for each in self._waiting if each[1] is not sequence)
        for seat in [seat for seat in self._seats if seat.sequence is sequence]:
            self._leave(seat)

    def _seat_newcomers(self) -> None:
        """Seat those that wait, in order, as far as there are rows and time to read them. Where a
        candidate of the same sentence is seated, nothing needs to be read."""
        read = 0
        while self._waiting and self._free:
            text, sequence = self._waiting[0]
            seat = self._beside(text, sequence)
            if seat is None:
                if read == self._way.newcomers:
                    return
                read += 1
                seat = self._seat(text, sequence)
            self._waiting.popleft()
            self._seats.append(seat)

    def _beside(self, text: Composition, sequence: Sequence) -> Seat | None:
        """A seat in a row that holds all but the last token, shared by a seated candidate."""
        tokens = sequence.tokens
        length = len(tokens) - 1
        for other in self._seats:
            if other.text is not text or not length <= other.held:
                continue
            whole = not other.hidden and len(other.sequence.tokens) <= self._context
            # A candidate of this round began as this one does.
            if not whole or other.sequence.tokens[: length + 1] != tokens:
                continue
            row = next(iter(self._free))
            if not self._way.share(other.row, row, length):
                return None
            del self._free[row]
            return Seat(text, sequence, row, length)
        return None

    def _seat(self, text: Composition, sequence: Sequence) -> Seat:
        """Give a newcomer the free row that holds at least half of what it would read, or else the
        one that has been free for longest."""
        shown = visible(sequence.tokens, self._context)
        row, held = next(iter(self._free)), 0
        if self._session.exact:
            known = {row: shared(tokens, shown) for row, tokens in self._free.items()}
            best = max(known, key=lambda each: known[each])
            if 2 * known[best] >= len(shown):
                # The last token is read in any case, for the logits behind it.
                row, held = best, min(known[best], len(shown) - 1)
        del self._free[row]
        return Seat(text, sequence, row, held)

    def _leave(self, seat: Seat) -> None:
        self._seats.remove(seat)
        seat.left = True
        tokens = seat.sequence.tokens
        # Behind the context the row holds a window of the text, and not its beginning.
        whole = not seat.hidden and len(tokens) <= self._context
        self._free[seat.row] = tokens[: seat.held] if whole else []


def _way(session: Session | Runner, automaton: Automaton, rows: int, context: int) -> Way:
    if isinstance(session, Runner):
        return Running(session, automaton, context)
    return Stepping(session, rows, context)


def constraint_masks(tokenizer: Tokenizer) -> Floats:
    """What each Constraint adds to the logits: 0 or -inf, (constraints, V)."""
    masks = np.zeros((len(Constraint), tokenizer.size), np.float32)
    masks[:, list(tokenizer.markers)] = -np.inf
    masks[[Constraint.CONTINUES, Constraint.STARTS], tokenizer.separator] = -np.inf
    if tokenizer.marked:
        masks[[Constraint.INSIDE, Constraint.COMPLETE], tokenizer.separator] = -np.inf
    for character, token in tokenizer.character_ids.items():
        if character not in BEHIND_A_WORD:
            masks[Constraint.COMPLETE, token] = -np.inf
        opens = character in OPENERS
        if not (opens or character.islower()):
            masks[Constraint.CONTINUES, token] = -np.inf
        if not (opens or character.isupper() or character.isdigit() or character == "»"):
            masks[Constraint.STARTS, token] = -np.inf
    return masks
