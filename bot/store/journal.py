"""Which final messages are being sent, and which have been: a line in a file at the right moment.

A transaction takes milliseconds when many wait for theirs, and a process that is killed in between
knows no more whether its message went out. A line is appended in microseconds and is there for the
next process too; the tables follow when it is their turn. Losing power may cost the last lines.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from pathlib import Path

from model.files import write_text

log = logging.getLogger(__name__)

_SENDING, _SENT, _ENDED = "sending", "sent", "ended"
_NOBODY = "-"
_END = f"{_ENDED} {_NOBODY}\n".encode("ascii")


class Journal:
    """A file of marks, the last of each request counting; what cannot be written is forgone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    @property
    def size(self) -> int:
        """Bytes of the file."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    @property
    def ended(self) -> bool:
        """Whether the last process that had it closed it in order, or nobody had it yet."""
        try:
            return self._path.read_bytes().endswith(_END)
        except OSError:
            return True

    def read(self) -> tuple[set[str], set[str]]:
        """The references of the requests whose final message may have been sent, and of those whose
        message has been."""
        marks: dict[str, str] = {}
        try:
            for line in self._path.read_text("ascii", "replace").splitlines():
                mark, _, reference = line.partition(" ")
                marks[reference] = mark
        except OSError:  # there is none yet, or no way to read it
            pass
        sending = {reference for reference, mark in marks.items() if mark == _SENDING}
        return sending, {reference for reference, mark in marks.items() if mark == _SENT}

    def note_sending(self, reference: str) -> None:
        """From now on the final message may have arrived."""
        self._append(_SENDING, reference)

    def note_sent(self, reference: str) -> None:
        """The request has had its final message."""
        self._append(_SENT, reference)

    def begin_anew(self, sent: Collection[str] = ()) -> None:
        """Keep the marks of these alone: requests that were answered and are not forgotten yet."""
        self.close()
        try:
            write_text(self._path, "".join(f"{_SENT} {reference}\n" for reference in sent))
        except OSError as error:
            log.debug("the journal cannot be begun anew: %s", error.strerror)

    def end(self) -> None:
        """Say that this process ended in order, and close the file."""
        self._append(_ENDED, _NOBODY)
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, mark: str, reference: str) -> None:
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
                self._file = os.open(self._path, flags, 0o600)
            os.write(self._file, f"{mark} {reference}\n".encode("ascii"))
        except OSError as error:
            log.debug("the journal cannot be written: %s", error.strerror)
