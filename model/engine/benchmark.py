"""The speed of a loaded checkpoint on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from model.engine.backend import Backend
from model.engine.composition import Composition
from model.engine.engine import Engine
from model.engine.generate import compose
from model.engine.loaded_model import LoadedModel
from model.text.prompt import Options

PHRASE = "En un lugar de la Mancha"
# Long enough that no text ends while it is measured.
OPTIONS = Options(sentences=5, sentence_limit=4000, temperature=0.8)

# The budget for the candidates of both sentences of an answer, on an idle machine.
CANDIDATE_SECONDS = 0.4
# The usual length of a candidate, in characters.
_TYPICAL = 90
_TIMED = Options(sentences=1, sentence_limit=80, candidates=8, seed=1)


@dataclass(frozen=True)
class Speed:
    """Throughput and latency."""

    characters_per_second: float  # of all texts together
    first_character: float  # seconds, of a text alone
    joining: float  # seconds to the first character of a text that joins the others
    # Per second of the process's CPU time: the throughput of one undisturbed core, measured with
    # one thread while other processes compete for it.
    characters_per_processor_second: float


def measure_speed(
    checkpoint: LoadedModel[Backend], requests: int, characters: int = 256, seconds: float = 6.0
) -> Speed:
    """Generate `requests` texts at once, up to a number of characters each or of seconds.

    The first measurement on an idle machine is slower: measure twice.
    """
    return measure_engine(Engine(checkpoint, requests + 1), requests, characters, seconds)


def measure_engine(
    engine: Engine, requests: int, characters: int, seconds: float, phrase: str = PHRASE
) -> Speed:
    """The same with a given engine, idle before and after, with a slot more than `requests`."""
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


def _sequence(checkpoint: LoadedModel[Backend], phrase: str, seed: int) -> Composition:
    return compose(checkpoint, phrase, replace(OPTIONS, seed=seed))


def _time_to_first(engine: Engine, sequence: Composition) -> float:
    """Seconds until a text has its first character, while the engine generates others."""
    begun = time.perf_counter()
    engine.add(sequence)
    while not sequence.characters:
        engine.step()
    return time.perf_counter() - begun


def affordable_candidates(checkpoint: LoadedModel[Backend], threads: int) -> int:
    """How many candidates per sentence the native kernel generates in CANDIDATE_SECONDS, for two
    sentences; measured."""
    phrase = next(filter(str.isalpha, checkpoint.tokenizer.characters), ".")
    seconds = min(_seconds_a_character(checkpoint, phrase) for _ in range(3)) / threads
    return max(1, round(CANDIDATE_SECONDS / (2 * _TYPICAL * seconds)))


def _seconds_a_character(checkpoint: LoadedModel[Backend], phrase: str) -> float:
    """CPU time of all threads."""
    text = compose(checkpoint, phrase, _TIMED)
    candidates = text.sequences
    engine = Engine(checkpoint, len(candidates))
    engine.add(text)
    # CPU time, so that the momentary load of the machine does not count.
    begun = time.process_time()
    while engine.busy:
        engine.step()
    return (time.process_time() - begun) / sum(each.characters for each in candidates)
