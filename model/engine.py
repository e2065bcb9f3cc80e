"""Continuous batching: texts join and leave between steps, each step a token or more for all.

The engine is single-threaded and knows nothing of processes or chats. Rows of the KV cache are the
places at the table; who finds none waits in order. What a row holds stays there when its text has
left, and a text that begins in the same way need not be read from its beginning.

Where the session can check guesses, a step reads some of them behind each text's last token. Tokens
are drawn from the decoder's logits one after the other, with the text's own random numbers, for as
long as the guesses were right: with and without them a seed gives the same text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from model.backend import Backend
from model.drafting import ORDERS
from model.sentences import OPENERS
from model.sequence import Constraint, Sequence, visible
from model.stored import Checkpoint
from model.tokenizer import Tokenizer
from model.weights import Floats

# Of guesses that each need the one before to be right, so many are worth reading at most.
MOST_DRAFTS = 6


@dataclass
class _Seat:
    """A sequence at the table: its cache row, how many visible tokens the row holds, the guesses
    that were read behind those, and the places of the logits behind each."""

    sequence: Sequence
    row: int
    held: int = 0
    drafts: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)


class Engine:
    """Writes up to `rows` texts at a time with one checkpoint."""

    def __init__(self, checkpoint: Checkpoint[Backend], rows: int = 16) -> None:
        self.checkpoint = checkpoint
        self._context = checkpoint.decoder.config.context
        masks = constraint_masks(checkpoint.tokenizer)
        self._session = checkpoint.decoder.session(rows, masks, checkpoint.drafts)
        self._rows = rows
        self._free: dict[int, list[int]] = {row: [] for row in range(rows)}  # and what each holds
        self._waiting: deque[Sequence] = deque()
        self._seats: list[_Seat] = []

    @property
    def busy(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._waiting or self._seats)

    @property
    def running(self) -> int:
        """How many texts the next step extends."""
        return len(self._seats)

    def add(self, sequence: Sequence) -> None:
        """Queue a text made for this engine's checkpoint."""
        self._waiting.append(sequence)

    def cancel(self, sequence: Sequence) -> None:
        """Drop a text wherever it is; unknown ones are ignored."""
        if sequence in self._waiting:
            self._waiting.remove(sequence)
        for seat in [seat for seat in self._seats if seat.sequence is sequence]:
            self._leave(seat)

    def step(self) -> list[Sequence]:
        """Write a token or more of every seated text. Returns the texts it touched."""
        # One newcomer a step, so that reading phrases never holds the others up for long.
        if self._waiting and self._free:
            self._seats.append(self._seat(self._waiting.popleft()))
        if not self._seats:
            return []
        self._read()
        touched = [seat.sequence for seat in self._seats]
        self._write()
        for seat in [seat for seat in self._seats if seat.sequence.finished]:
            self._leave(seat)
        return touched

    def _seat(self, sequence: Sequence) -> _Seat:
        """Give a newcomer the free row that holds at least half of what it would read, or else the
        one that has been free for longest."""
        shown = visible(sequence.tokens, self._context)
        row, held = next(iter(self._free)), 0
        if self._session.exact:
            shared = {row: _shared(tokens, shown) for row, tokens in self._free.items()}
            best = max(shared, key=lambda each: shared[each])
            if 2 * shared[best] >= len(shown):
                # The last token is read in any case, for the logits behind it.
                row, held = best, min(shared[best], len(shown) - 1)
        del self._free[row]
        return _Seat(sequence, row, held)

    def _leave(self, seat: _Seat) -> None:
        self._seats.remove(seat)
        tokens = seat.sequence.tokens
        # Behind the context the row holds a window of the text, and not its beginning.
        self._free[seat.row] = tokens[: seat.held] if len(tokens) <= self._context else []

    def _read(self) -> None:
        """Let the session read what is new of every seated text, and guesses behind it."""
        together: list[tuple[_Seat, list[int]]] = []
        for seat in self._seats:
            seat.drafts, seat.places = [], [seat.row]
            shown = visible(seat.sequence.tokens, self._context)
            if seat.held == len(shown) - 1:
                together.append((seat, shown))
            else:  # a newcomer, a sentence that was cut, or the window has moved
                self._session.prefill(seat.row, shown, seat.held if seat.held < len(shown) else 0)
            seat.held = len(shown)
        if together:
            self._draft(together)
            self._decode(seat for seat, _ in together)

    def _draft(self, together: list[tuple[_Seat, list[int]]]) -> None:
        """Guess what follows, as far as there is room for it in the step and in the context."""
        place = self._rows
        share = min(MOST_DRAFTS, (self._session.spare - len(together)) // len(together))
        for seat, shown in together:
            most = min(share, self._context - len(shown))
            if most > 0:
                upcoming = seat.sequence.upcoming(most)
                seat.drafts = self._session.draft(shown[-ORDERS[-1] :], upcoming)
                seat.places += range(place, place + len(seat.drafts))
                place += len(seat.drafts)

    def _decode(self, seats: Iterable[_Seat]) -> None:
        """Read the last token of each of these texts and its drafts."""
        rows, tokens, positions, places = list[int](), list[int](), list[int](), list[int]()
        for seat in seats:
            columns = 1 + len(seat.drafts)
            rows += [seat.row] * columns
            tokens += (seat.sequence.tokens[-1], *seat.drafts)
            positions += range(seat.held - 1, seat.held - 1 + columns)
            places += seat.places
        self._session.decode(rows, tokens, positions, places)

    def _write(self) -> None:
        """Draw the next token of every seated text, and more where its drafts come true."""
        seats, drafted = self._seats, 0
        while seats:
            right = []
            for seat, token in zip(seats, self._draw(seats, drafted), strict=True):
                guessed = drafted < len(seat.drafts) and token == seat.drafts[drafted]
                if seat.sequence.accept(token):
                    seat.held = 0
                elif guessed and not seat.sequence.finished:
                    seat.held += 1
                    right.append(seat)
            seats, drafted = right, drafted + 1

    def _draw(self, seats: list[_Seat], drafted: int) -> list[int]:
        """The token behind so many drafts of each of these texts."""
        sequences = [seat.sequence for seat in seats]
        return self._session.draw(
            [seat.places[drafted] for seat in seats],
            [each.constraint() for each in sequences],
            [each.options.temperature for each in sequences],
            [each.options.top_p for each in sequences],
            [each.draw() for each in sequences],
        )


def _shared(held: list[int], tokens: list[int]) -> int:
    """How many tokens two texts have in common at their beginnings."""
    for place, (one, other) in enumerate(zip(held, tokens, strict=False)):
        if one != other:
            return place
    return min(len(held), len(tokens))


def constraint_masks(tokenizer: Tokenizer) -> Floats:
    """What each Constraint adds to the logits: 0 or -inf, (4, V)."""
    masks = np.zeros((len(Constraint), tokenizer.size), np.float32)
    masks[:, list(tokenizer.markers)] = -np.inf
    masks[[Constraint.CONTINUES, Constraint.STARTS], tokenizer.separator] = -np.inf
    if tokenizer.marked:
        masks[Constraint.INSIDE, tokenizer.separator] = -np.inf
    for character, token in tokenizer.character_ids.items():
        opens = character in OPENERS
        if not (opens or character.islower()):
            masks[Constraint.CONTINUES, token] = -np.inf
        if not (opens or character.isupper() or character.isdigit() or character == "»"):
            masks[Constraint.STARTS, token] = -np.inf
    return masks
