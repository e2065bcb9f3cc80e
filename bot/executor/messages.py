"""The messages between the bot and its worker; `bot.executor.codec` puts each on one line of JSON.

`number` is the bot's number of a request (Write, Cancel) or of a reload (Load); the replies to it
carry the same number.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.executor.errors import Failure
from bot.executor.model_info import ModelInfo, ReplicaInfo, ReplicaReload
from model.engine.result import Result
from model.text.prompt import Options


@dataclass(frozen=True, slots=True)
class Write:
    """Bot to worker: continue this phrase. Replies: Text, then Done, Refused or Unavailable."""

    number: int
    phrase: str
    options: Options


@dataclass(frozen=True, slots=True)
class Cancel:
    """Bot to worker: stop this request. No reply."""

    number: int


@dataclass(frozen=True, slots=True)
class Load:
    """Bot to worker: serve new requests from this checkpoint folder. Replies: Loaded, NotLoaded or
    Unavailable."""

    number: int
    path: str


@dataclass(frozen=True, slots=True)
class Replicas:
    """The state of a cluster, sent every second.

    model: the one all replicas agreed on, None while no replica serves it.
    names: checkpoints that at least one replica can load.
    """

    model: ModelInfo | None
    names: tuple[str, ...]
    replicas: tuple[ReplicaInfo, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The first message of a worker that can write."""

    model: ModelInfo
    replicas: Replicas | None = None


@dataclass(frozen=True, slots=True)
class Unusable:
    """The only message of a worker that cannot start."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Alive:
    """The worker's heartbeat."""


@dataclass(frozen=True, slots=True)
class Text:
    """The next characters of a text."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """A text is finished."""

    number: int
    result: Result


@dataclass(frozen=True, slots=True)
class Refused:
    """The phrase or its options cannot be used with this model."""

    number: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Loaded:
    """New requests get this model from now on. replicas: those of a cluster that loaded it."""

    number: int
    seconds: float
    model: ModelInfo
    replicas: tuple[ReplicaReload, ...] = ()


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """The checkpoint cannot be served; the model stays. replicas: the outcome of each one."""

    number: int
    failure: Failure
    replicas: tuple[ReplicaReload, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """One of several engines died with these requests; the worker itself lives."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No engine can take this request or reload at present."""

    number: int


Message = (
    Write
    | Cancel
    | Load
    | Ready
    | Unusable
    | Alive
    | Text
    | Done
    | Refused
    | Loaded
    | NotLoaded
    | Replicas
    | Lost
    | Unavailable
)
