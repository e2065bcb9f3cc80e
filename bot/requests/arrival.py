"""The first moment at which a message is known to have arrived.

A platform's library returns milliseconds after the platform has said so: it reads the rest, parses
it, and other tasks come in between. A process that is killed in those milliseconds would send the
message again, so whoever must know is called as soon as the first bytes of a success are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[], None] | None] = ContextVar("arrival listener", default=None)


@contextmanager
def on_arrival(listener: Callable[[], None]) -> Iterator[None]:
    """Call `listener`, perhaps more than once, when a message of this context has arrived."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def arrived() -> None:
    """The platform has said that it has what this context sent."""
    listener = _listener.get()
    if listener is not None:
        listener()
