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

from bot.private_files import open_private, write_private
from bot.requests.job import Job

log = logging.getLogger(__name__)

_SENDING, _SENT, _ENDED = "sending", "sent", "ended"
_NOBODY = "-"
_END = f"{_ENDED} {_NOBODY}\n".encode("ascii")


def event_mark(platform: str, key: str) -> str:
    """What stands for an event; no request is called like this."""
    return f"{platform}/{key}"


def marks_of(job: Job) -> list[str]:
    """What stands for a request: its reference, and the event that it came with, which is there
    still where the request could not be kept."""
    if job.event is None:
        return [job.reference]
    return [job.reference, event_mark(job.requester.platform, job.event)]


class Journal:
    """A file of marks, the last state of each counting; what cannot be written is forgone."""

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
        """The marks of the requests whose final message may have been sent, and of those whose
        message has been (see `marks_of`)."""
        marks: dict[str, str] = {}  # to their states
        try:
            for line in self._path.read_text("ascii", "replace").splitlines():
                state, _, mark = line.partition(" ")
                marks[mark] = state
        except OSError:  # there is none yet, or no way to read it
            pass
        sending = {mark for mark, state in marks.items() if state == _SENDING}
        return sending, {mark for mark, state in marks.items() if state == _SENT}

    def note_sending(self, mark: str) -> None:
        """From now on the final message may have arrived."""
        self._append(_SENDING, mark)

    def note_sent(self, *marks: str) -> None:
        """The request has had its final message."""
        self._append(_SENT, *marks)

    def begin_anew(self, sent: Collection[str] = ()) -> None:
        """Keep the marks of these alone: requests that were answered and are not forgotten yet."""
        self.close()
        try:
            write_private(self._path, "".join(f"{_SENT} {mark}\n" for mark in sent))
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

    def _append(self, state: str, *marks: str) -> None:
        try:
            if self._file is None:
                self._file = open_private(self._path, os.O_APPEND)
            lines = "".join(f"{state} {mark}\n" for mark in marks)
            os.write(self._file, lines.encode("ascii"))
        except OSError as error:
            log.debug("the journal cannot be written: %s", error.strerror)
