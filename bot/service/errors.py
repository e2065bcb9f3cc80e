"""The sentence for a person whose request failed, without internal details."""

from __future__ import annotations

from bot.executor.generation import QueueFullError, UnavailableError, WorkerLostError
from bot.executor.model_info import RolledBackError
from bot.texts import SPANISH, explain, say
from model.errors import CodedError, LitteraError


def sentence(error: LitteraError, language: str = SPANISH) -> str:
    """The sentence for an error of a request."""
    match error:
        case CodedError():
            return explain(error, language)
        case RolledBackError():
            return explain(error.cause, language)
        case QueueFullError():
            return say("queue_full", language, limit=error.limit)
        case WorkerLostError():
            return say("worker_lost", language)
        case UnavailableError():
            return say("unavailable", language)
        case _:
            return str(error)
