"""Writing ahead, with a Runner: it draws some tokens of every text, and the texts follow.

A text's random numbers are known beforehand, and a runner knows by an Automaton what may be drawn
where, so the tokens are those that would be drawn one by one. It does not know where a text ends or
is cut: what it drew behind that is forgotten, and a text whose earlier tokens changed is read
anew.

A launch is begun before the one before it is looked at: the device does not wait for Python.
"""

from __future__ import annotations

from collections import deque

from model.engine.backend import Runner
from model.engine.sequence import Constraint, visible
from model.engine.slot import Seat
from model.text.automaton import Automaton


class Running:
    """The way of a runner. context: how many tokens a row holds at most."""

    # Their phrases are read together. What they wait for is a launch or two.
    newcomers = 32

    def __init__(self, runner: Runner, automaton: Automaton, context: int) -> None:
        self._runner, self._automaton, self._context = runner, automaton, context
        self._launched: deque[list[Seat]] = deque()

    def share(self, source: int, row: int, length: int) -> bool:
        """False: a newcomer is read with the next launch."""
        return False

    def write(self, seats: list[Seat]) -> list[Seat]:
        """See Way; texts are touched from the second launch on."""
        for seat in seats:
            if not seat.settled:
                self._settle(seat)
        wanted = self._runner.wanted(len(seats))
        self._runner.launch(
            [seat.row for seat in seats], [seat.sequence.upcoming(wanted) for seat in seats]
        )
        self._launched.append(list(seats))
        return self._collect() if len(self._launched) > 1 else []

    def _settle(self, seat: Seat) -> None:
        """Have the runner read a newcomer, a text that was cut, or one whose window has moved."""
        sequence = seat.sequence
        shown = visible(sequence.tokens, self._context)
        complete = sequence.constraint() is Constraint.COMPLETE
        self._runner.settle(
            seat.row,
            shown,
            seat.held if seat.held < len(shown) else 0,
            self._automaton.read(sequence.sentence, complete=complete),
            sequence.options.temperature,
            sequence.options.top_p,
        )
        seat.settled, seat.held = True, len(shown) - 1

    def _collect(self) -> list[Seat]:
        """Give the texts what was drawn in the oldest launch."""
        touched = []
        for seat, drawn in zip(self._launched.popleft(), self._runner.collect(), strict=True):
            if seat.left or not drawn[0]:
                continue
            taken, cut = seat.sequence.accept_all(*drawn)
            touched.append(seat)
            seat.held += taken
            if cut or seat.held >= self._context:
                seat.settled, seat.held = False, 0
        return touched
