"""Decoding ahead with an AheadSession: the device samples several tokens, the sequences follow.

A sequence's random numbers are known in advance, and the session has an Automaton for the
constraints, so the tokens equal those of the synchronous loop. The session does not know where a
text ends or is truncated: tokens sampled beyond that point are discarded, and a sequence whose
earlier tokens changed is prefilled again.

A launch starts before the previous one is collected, so the device never waits for Python.
"""

from __future__ import annotations

from collections import deque

from model.engine.backend import AheadSession
from model.engine.sequence import context_window
from model.engine.slot import Slot
from model.text.automaton import Automaton
from model.text.constraints import Constraint


class PipelinedLoop:
    """The decode loop of an AheadSession. context: how many tokens a slot holds at most."""

    # Phrases are prefilled together and delay the others by a launch or two.
    prefills = 32

    def __init__(self, session: AheadSession, automaton: Automaton, context: int) -> None:
        self._session, self._automaton, self._context = session, automaton, context
        self._launched: deque[list[Slot]] = deque()

    def fork(self, source: int, target: int, length: int) -> bool:
        """False: every new sequence is prefilled with the next launch."""
        return False

    def step(self, slots: list[Slot]) -> list[Slot]:
        """See DecodeLoop; sequences grow from the second step on."""
        for slot in slots:
            if not slot.prefilled:
                self._prefill(slot)
        needed = self._session.uniforms_needed(len(slots))
        self._session.launch(
            [slot.number for slot in slots], [slot.sequence.peek_uniforms(needed) for slot in slots]
        )
        self._launched.append(list(slots))
        return self._collect() if len(self._launched) > 1 else []

    def _prefill(self, slot: Slot) -> None:
        """Prefill a new or truncated sequence, or one whose window has moved."""
        sequence = slot.sequence
        window = context_window(sequence.tokens, self._context)
        complete = sequence.constraint() is Constraint.COMPLETE
        self._session.prefill(
            slot.number,
            window,
            slot.held if slot.held < len(window) else 0,
            self._automaton.read(sequence.sentence, complete=complete),
            sequence.options.temperature,
            sequence.options.top_p,
        )
        slot.prefilled, slot.held = True, len(window) - 1

    def _collect(self) -> list[Slot]:
        """Append the tokens of the oldest launch to their sequences."""
        extended = []
        for slot, sampled in zip(self._launched.popleft(), self._session.collect(), strict=True):
            if slot.released or not sampled[0]:
                continue
            taken, cut = slot.sequence.accept_all(*sampled)
            extended.append(slot)
            slot.held += taken
            if cut or slot.held >= self._context:
                slot.prefilled, slot.held = False, 0
        return extended
