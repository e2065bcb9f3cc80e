"""Decoding step by step with a Session: read the new tokens of every sequence, sample the next.

If the session can verify speculative tokens, a step reads some after each sequence's last token.
Tokens are then sampled from the decoder's logits one after the other, with the sequence's own
random numbers, while the speculative tokens match. A seed gives the same text with and without
them.
"""

from __future__ import annotations

from collections.abc import Iterable

from model.checkpoint.draft_table import ORDERS
from model.engine.backend import Sampled, Session
from model.engine.sequence import context_window
from model.engine.slot import Slot

# Each speculative token counts only if all before it match: later ones are not worth a column.
MOST_SPECULATIVE = 6


class SynchronousLoop:
    """The decode loop of a Session.

    slots: how many the session has.
    context: how many tokens a slot holds at most.
    """

    # One prefill per step, so that new phrases never stall the running sequences for long.
    prefills = 1

    def __init__(self, session: Session, slots: int, context: int) -> None:
        self._session, self._slots, self._context = session, slots, context

    def fork(self, source: int, target: int, length: int) -> bool:
        """See DecodeLoop."""
        return self._session.fork(source, target, length)

    def step(self, slots: list[Slot]) -> list[Slot]:
        """See DecodeLoop."""
        self._read(slots)
        self._sample_all(slots)
        return list(slots)

    def _read(self, slots: list[Slot]) -> None:
        """Read the new tokens of every sequence, and speculative tokens after them."""
        together: list[tuple[Slot, list[int]]] = []
        for slot in slots:
            slot.speculative, slot.places = [], [slot.number]
            window = context_window(slot.sequence.tokens, self._context)
            if slot.held == len(window) - 1:
                together.append((slot, window))
            else:  # a new sequence, a truncated sentence, or a window that has moved
                held = slot.held if slot.held < len(window) else 0
                self._session.prefill(slot.number, window, held)
            slot.held, slot.hidden = len(window), len(slot.sequence.tokens) - len(window)
        if together:
            self._speculate(together)
            self._decode(slot for slot, _ in together)

    def _speculate(self, together: list[tuple[Slot, list[int]]]) -> None:
        """Propose speculative tokens within the limits of the step and of the context."""
        place = self._slots
        share = min(MOST_SPECULATIVE, (self._session.spare - len(together)) // len(together))
        if share <= 0:
            return
        for slot, window in together:
            most = min(share, self._context - len(window))
            if most > 0:
                upcoming = slot.sequence.peek_uniforms(most)
                slot.speculative = self._session.speculate(window[-ORDERS[-1] :], upcoming)
                slot.places += range(place, place + len(slot.speculative))
                place += len(slot.speculative)

    def _decode(self, slots: Iterable[Slot]) -> None:
        """Read the last token of each sequence and its speculative tokens."""
        numbers, tokens, positions, places = list[int](), list[int](), list[int](), list[int]()
        for slot in slots:
            columns = 1 + len(slot.speculative)
            numbers += [slot.number] * columns
            tokens += (slot.sequence.tokens[-1], *slot.speculative)
            positions += range(slot.held - 1, slot.held - 1 + columns)
            places += slot.places
        self._session.decode(numbers, tokens, positions, places)

    def _sample_all(self, slots: list[Slot]) -> None:
        """Sample the next token of every sequence, and more while speculative tokens match."""
        depth = 0
        while slots:
            matched = []
            for slot, token, likelihood in zip(slots, *self._sample(slots, depth), strict=True):
                matches = depth < len(slot.speculative) and token == slot.speculative[depth]
                if slot.sequence.accept(token, likelihood):
                    self._invalidate(slot)
                elif matches and not slot.sequence.finished:
                    slot.held += 1
                    matched.append(slot)
            slots, depth = matched, depth + 1

    def _invalidate(self, slot: Slot) -> None:
        """Keep only the tokens before a cut; none of them if the window has moved."""
        slot.held = 0 if slot.hidden else min(slot.held, slot.sequence.unchanged)

    def _sample(self, slots: list[Slot], depth: int) -> Sampled:
        """Sample the token after `depth` speculative tokens of each sequence."""
        sequences = [slot.sequence for slot in slots]
        return self._session.sample(
            [slot.places[depth] for slot in slots],
            [each.constraint() for each in sequences],
            [each.options.temperature for each in sequences],
            [each.options.top_p for each in sequences],
            [each.next_uniform() for each in sequences],
        )
