"""How fast a loaded checkpoint writes on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from model.checkpoint.checkpoint import Checkpoint
from model.engine.backend import Backend
from model.engine.composition import Composition
from model.engine.engine import Engine
from model.engine.generate import compose
from model.runtime import Runtime
from model.text.prompt import Options

PHRASE = "En un lugar de la Mancha"
# Sentences end where they want to, but the text goes on for longer than anybody measures.
OPTIONS = Options(sentences=5, sentence_limit=4000, temperature=0.8)


# The candidates of both sentences of an answer may take so long on a machine that is idle.
CANDIDATE_SECONDS = 0.4
# How long a candidate is, in characters.
_TYPICAL = 90
_TIMED = Options(sentences=1, sentence_limit=80, candidates=8, seed=1)


@dataclass(frozen=True)
class Speed:
    """Characters a second of all texts together, and seconds to the first character: of a text that
    is alone, and of one that joins the others. Per second of the process's processor time, they are
    what one undisturbed core would write, if one thread writes and others want the core as well."""

    characters_per_second: float
    first_character: float
    joining: float
    characters_per_processor_second: float


def measure_speed(
    checkpoint: Checkpoint[Backend], requests: int, characters: int = 256, seconds: float = 6.0
) -> Speed:
    """Write so many texts at once, so many characters of each or for so many seconds. The first
    text on a machine that was idle is slower: measure twice."""
    return measure_engine(Engine(checkpoint, requests + 1), requests, characters, seconds)


def measure_engine(
    engine: Engine, requests: int, characters: int, seconds: float, phrase: str = PHRASE
) -> Speed:
    """The same with an engine that is idle, has a row more than that, and is idle again then."""
    checkpoint = engine.checkpoint
    sequences = [_sequence(checkpoint, phrase, seed) for seed in range(requests)]
    first = _time_to_first(engine, sequences[0])
    for sequence in sequences[1:]:
        engine.add(sequence)
    while engine.running < requests:
        engine.step()
    before = sum(sequence.characters for sequence in sequences)
    spent, begun = time.process_time(), time.perf_counter()
    written, now = 0, begun
    while engine.busy and written < characters * requests and now - begun < seconds:
        engine.step()
        written = sum(sequence.characters for sequence in sequences) - before
        now = time.perf_counter()
    spent = time.process_time() - spent
    newcomer = _sequence(checkpoint, f"{phrase}, de cuyo nombre", requests)
    joining = _time_to_first(engine, newcomer)
    for sequence in (*sequences, newcomer):
        engine.cancel(sequence)
    return Speed(written / (now - begun), first, joining, written / max(1e-6, spent))


def _sequence(checkpoint: Checkpoint[Backend], phrase: str, seed: int) -> Composition:
    return compose(checkpoint, phrase, replace(OPTIONS, seed=seed))


def _time_to_first(engine: Engine, sequence: Composition) -> float:
    """Seconds until a text has its first character, while the engine writes others."""
    begun = time.perf_counter()
    engine.add(sequence)
    while not sequence.characters:
        engine.step()
    return time.perf_counter() - begun


def affordable_candidates(checkpoint: Checkpoint[Backend], runtime: Runtime) -> int:
    """From how many candidates each of two sentences can be chosen in CANDIDATE_SECONDS, measured
    where the native kernel computes."""
    if runtime.engine != "native":
        return runtime.candidates
    phrase = next(filter(str.isalpha, checkpoint.tokenizer.characters), ".")
    seconds = min(_seconds_a_character(checkpoint, phrase) for _ in range(3)) / runtime.threads
    return max(1, round(CANDIDATE_SECONDS / (2 * _TYPICAL * seconds)))


def _seconds_a_character(checkpoint: Checkpoint[Backend], phrase: str) -> float:
    """Of processor time, of all threads."""
    text = compose(checkpoint, phrase, _TIMED)
    candidates = text.sequences
    engine = Engine(checkpoint, len(candidates))
    engine.add(text)
    # Processor time: what else the machine does at this moment says nothing of later ones.
    begun = time.process_time()
    while engine.busy:
        engine.step()
    return (time.process_time() - begun) / sum(each.characters for each in candidates)
