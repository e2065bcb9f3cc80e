"""How the operators' commands fail: one sentence on the error stream and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from model.errors import LitteraError
from model.printable import escape_controls, escape_line

FAILED = 1
INTERRUPTED = 130


def tell(text: str) -> None:
    """Print what may hold names of files and styles."""
    typer.echo(escape_controls(text))


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """Say why a command ends here, and end it."""
    typer.echo(f"litteragpt: {escape_line(' '.join(sentence.split()))}", err=True)
    raise typer.Exit(code)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turn expected failures into a sentence; also usable as a decorator.

    Expected are every LitteraError, Ctrl-C (exit code 130), errors of the operating system (no
    space, no permission, no such file) and a missing library of the `training` extra. Any other
    exception is a bug and keeps its traceback.
    """
    try:
        yield
    except LitteraError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("stopped by Ctrl-C", INTERRUPTED)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"httpx", "matplotlib", "torch"}:
            raise
        fail(f'{error.name} is not installed; run: pip install "litteragpt[training]"')
    except OSError as error:
        fail(_system_error(error))


def _system_error(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what
