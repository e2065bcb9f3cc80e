"""Writing step by step, with a Session: read what is new of every text, draw the next tokens.

Where the session can check guesses, a step reads some of them behind each text's last token. Tokens
are drawn from the decoder's logits one after the other, with the text's own random numbers, for as
long as the guesses were right: with and without them a seed gives the same text.
"""

from __future__ import annotations

from collections.abc import Iterable

from model.checkpoint.draft_table import ORDERS
from model.engine.backend import Drawn, Session
from model.engine.sequence import visible
from model.engine.slot import Seat

# Of guesses that each need the one before to be right, so many are worth reading at most.
MOST_DRAFTS = 6


class Stepping:
    """The way of a session that is asked for every token. rows: of the session; context: how many
    tokens a row holds at most."""

    # So that reading phrases never holds the others up for long.
    newcomers = 1

    def __init__(self, session: Session, rows: int, context: int) -> None:
        self._session, self._rows, self._context = session, rows, context

    def share(self, source: int, row: int, length: int) -> bool:
        """See Way."""
        return self._session.fork(source, row, length)

    def write(self, seats: list[Seat]) -> list[Seat]:
        """See Way."""
        self._read(seats)
        self._draw_all(seats)
        return list(seats)

    def _read(self, seats: list[Seat]) -> None:
        """Let the session read what is new of every seated text, and guesses behind it."""
        together: list[tuple[Seat, list[int]]] = []
        for seat in seats:
            seat.drafts, seat.places = [], [seat.row]
            shown = visible(seat.sequence.tokens, self._context)
            if seat.held == len(shown) - 1:
                together.append((seat, shown))
            else:  # a newcomer, a sentence that was cut, or the window has moved
                self._session.prefill(seat.row, shown, seat.held if seat.held < len(shown) else 0)
            seat.held, seat.hidden = len(shown), len(seat.sequence.tokens) - len(shown)
        if together:
            self._draft(together)
            self._decode(seat for seat, _ in together)

    def _draft(self, together: list[tuple[Seat, list[int]]]) -> None:
        """Guess what follows, as far as there is room for it in the step and in the context."""
        place = self._rows
        share = min(MOST_DRAFTS, (self._session.spare - len(together)) // len(together))
        if share <= 0:
            return
        for seat, shown in together:
            most = min(share, self._context - len(shown))
            if most > 0:
                upcoming = seat.sequence.upcoming(most)
                seat.drafts = self._session.draft(shown[-ORDERS[-1] :], upcoming)
                seat.places += range(place, place + len(seat.drafts))
                place += len(seat.drafts)

    def _decode(self, seats: Iterable[Seat]) -> None:
        """Read the last token of each of these texts and its drafts."""
        rows, tokens, positions, places = list[int](), list[int](), list[int](), list[int]()
        for seat in seats:
            columns = 1 + len(seat.drafts)
            rows += [seat.row] * columns
            tokens += (seat.sequence.tokens[-1], *seat.drafts)
            positions += range(seat.held - 1, seat.held - 1 + columns)
            places += seat.places
        self._session.decode(rows, tokens, positions, places)

    def _draw_all(self, seats: list[Seat]) -> None:
        """Draw the next token of every seated text, and more where its drafts come true."""
        drafted = 0
        while seats:
            right = []
            for seat, token, likelihood in zip(seats, *self._draw(seats, drafted), strict=True):
                guessed = drafted < len(seat.drafts) and token == seat.drafts[drafted]
                if seat.sequence.accept(token, likelihood):
                    self._forget(seat)
                elif guessed and not seat.sequence.finished:
                    seat.held += 1
                    right.append(seat)
            seats, drafted = right, drafted + 1

    def _forget(self, seat: Seat) -> None:
        """Keep of a row only the tokens that a cut has left; none of a window that has moved."""
        seat.held = 0 if seat.hidden else min(seat.held, seat.sequence.unchanged)

    def _draw(self, seats: list[Seat], drafted: int) -> Drawn:
        """The token behind so many drafts of each of these texts."""
        sequences = [seat.sequence for seat in seats]
        return self._session.draw(
            [seat.places[drafted] for seat in seats],
            [each.constraint() for each in sequences],
            [each.options.temperature for each in sequences],
            [each.options.top_p for each in sequences],
            [each.draw() for each in sequences],
        )
