"""Delivery confirmation: a callback for the earliest sign that a message has arrived.

A platform's library returns milliseconds after the response began: it reads and parses the rest,
and other tasks run in between. A process killed in those milliseconds would send the message again,
so the journal is called at the first bytes of a success.

A context variable, because the libraries pass no argument from a call to their HTTP hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[], None] | None] = ContextVar("arrival listener", default=None)


@contextmanager
def on_arrival(listener: Callable[[], None]) -> Iterator[None]:
    """Call `listener`, maybe more than once, when a message of this context has arrived."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def arrived() -> None:
    """The platform has confirmed a message of this context."""
    listener = _listener.get()
    if listener is not None:
        listener()
