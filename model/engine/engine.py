"""Continuous batching: sequences join and leave between steps; a step extends all of them.

Single-threaded, without knowledge of processes or chats. Each running sequence owns one KV-cache
slot; others wait in FIFO order. A released slot keeps its tokens, so a sequence with the same
prefix is not read from its beginning.

The decode loop depends on the session: `model.engine.synchronous` samples token by token,
`model.engine.pipelined` several tokens ahead.
"""

from __future__ import annotations

from collections import deque

from model.engine.backend import AheadSession, Backend, Session
from model.engine.composition import Composition
from model.engine.loaded_model import LoadedModel
from model.engine.pipelined import PipelinedLoop
from model.engine.sequence import Sequence, common_prefix, context_window
from model.engine.slot import DecodeLoop, Slot
from model.engine.synchronous import SynchronousLoop
from model.text.automaton import Automaton
from model.text.constraints import constraint_masks


class Engine:
    """Generates up to `slots` sequences at a time with one model.

    affords: how many candidates per sentence this machine can generate in time; read by callers,
    not by the engine.
    """

    def __init__(self, checkpoint: LoadedModel[Backend], slots: int = 16, affords: int = 1) -> None:
        self.checkpoint, self.affords = checkpoint, affords
        self._context = checkpoint.decoder.config.context
        masks, automaton = constraint_masks(checkpoint.tokenizer), Automaton(checkpoint.tokenizer)
        self._session = checkpoint.decoder.session(slots, masks, checkpoint.drafts, automaton)
        self._loop = _decode_loop(self._session, automaton, slots, self._context)
        # The free slots and the tokens that each still holds, longest free first.
        self._free: dict[int, list[int]] = {number: [] for number in range(slots)}
        self._waiting: deque[tuple[Composition, Sequence]] = deque()
        self._running: list[Slot] = []

    @property
    def busy(self) -> bool:
        """Whether any sequence is running or waiting."""
        return bool(self._waiting or self._running)

    @property
    def running(self) -> int:
        """How many sequences the next step extends."""
        return len(self._running)

    def add(self, text: Composition) -> None:
        """Queue the sequences of a text composed for this engine's checkpoint."""
        self._waiting.extend((text, sequence) for sequence in text.sequences)

    def cancel(self, text: Composition) -> None:
        """Drop a text, waiting or running; unknown texts are ignored."""
        self._waiting = deque(each for each in self._waiting if each[0] is not text)
        for slot in [slot for slot in self._running if slot.text is text]:
            self._release(slot)

    def step(self) -> list[Composition]:
        """Extend the running sequences by a token or more; return the texts that grew."""
        self._admit()
        if not self._running:
            return []
        touched = {id(slot.text): slot.text for slot in self._loop.step(self._running)}
        for slot in [slot for slot in self._running if slot.sequence.finished]:
            self._release(slot)
        for text in touched.values():
            self._advance(text)
        return list(touched.values())

    def _advance(self, text: Composition) -> None:
        """Drop the candidates that lost, and queue those of the next round."""
        dropped, joining = text.advance()
        for sequence in dropped:
            self._drop(sequence)
        self._waiting.extend((text, sequence) for sequence in joining)

    def _drop(self, sequence: Sequence) -> None:
        self._waiting = deque(each for each in self._waiting if each[1] is not sequence)
        for slot in [slot for slot in self._running if slot.sequence is sequence]:
            self._release(slot)

    def _admit(self) -> None:
        """Give slots to waiting sequences, in order, within the loop's prefill limit.

        A candidate forked from a running one of the same sentence needs no prefill.
        """
        prefilled = 0
        while self._waiting and self._free:
            text, sequence = self._waiting[0]
            slot = self._fork(text, sequence)
            if slot is None:
                if prefilled == self._loop.prefills:
                    return
                prefilled += 1
                slot = self._claim(text, sequence)
            self._waiting.popleft()
            self._running.append(slot)

    def _fork(self, text: Composition, sequence: Sequence) -> Slot | None:
        """A slot with all but the last token copied from a running candidate, if there is one."""
        tokens = sequence.tokens
        length = len(tokens) - 1
        for other in self._running:
            if other.text is not text or not length <= other.held:
                continue
            whole = not other.hidden and len(other.sequence.tokens) <= self._context
            # Candidates of one round share all tokens before the sentence.
            if not whole or other.sequence.tokens[: length + 1] != tokens:
                continue
            number = next(iter(self._free))
            if not self._loop.fork(other.number, number, length):
                return None
            del self._free[number]
            return Slot(text, sequence, number, length)
        return None

    def _claim(self, text: Composition, sequence: Sequence) -> Slot:
        """A free slot: one that holds at least half of the prompt, or the longest free."""
        window = context_window(sequence.tokens, self._context)
        number, held = next(iter(self._free)), 0
        if self._session.exact:
            known = {free: common_prefix(tokens, window) for free, tokens in self._free.items()}
            best = max(known, key=lambda each: known[each])
            if 2 * known[best] >= len(window):
                # The last token is always read, for the logits after it.
                number, held = best, min(known[best], len(window) - 1)
        del self._free[number]
        return Slot(text, sequence, number, held)

    def _release(self, slot: Slot) -> None:
        self._running.remove(slot)
        slot.released = True
        tokens = slot.sequence.tokens
        # A text longer than the context leaves a window in the slot, not a prefix.
        whole = not slot.hidden and len(tokens) <= self._context
        self._free[slot.number] = tokens[: slot.held] if whole else []


def _decode_loop(
    session: Session | AheadSession, automaton: Automaton, slots: int, context: int
) -> DecodeLoop:
    if isinstance(session, AheadSession):
        return PipelinedLoop(session, automaton, context)
    return SynchronousLoop(session, slots, context)
