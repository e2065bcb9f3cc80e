"""The journal of final messages: a line in a file before each is sent, and one after.

A commit takes milliseconds under load, and a process killed in between would not know whether its
message went out. Appending a line takes microseconds; the tables follow later. A power failure may
lose the last lines.

A mark is the reference of a job or `platform/key` of an event.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from pathlib import Path

from bot.private_files import open_private, write_private
from bot.requests.job import Job

log = logging.getLogger(__name__)

JOURNAL = "sent.log"
_SENDING, _SENT, _ENDED = "sending", "sent", "ended"
_NO_MARK = "-"
_END = f"{_ENDED} {_NO_MARK}\n".encode("ascii")


def event_mark(platform: str, key: str) -> str:
    """The mark of an event; references contain no slash."""
    return f"{platform}/{key}"


def marks_of(job: Job) -> list[str]:
    """The marks of a job: its reference and its event, which remains if the job was not stored."""
    if job.event is None:
        return [job.reference]
    return [job.reference, event_mark(job.requester.platform, job.event)]


class Journal:
    """The journal of one process. Write errors are ignored: the journal is best effort.

    sending: marks whose message the previous process may have sent. sent: marks of sent messages
    that the tables still have.
    """

    def __init__(self, path: Path) -> None:
        self.sending: set[str] = set()
        self.sent: set[str] = set()
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
        """Whether the previous process shut down in order, or there was none."""
        try:
            return self._path.read_bytes().endswith(_END)
        except OSError:
            return True

    def read(self) -> None:
        """Read `sending` and `sent` from the file; the last line of a mark counts."""
        states: dict[str, str] = {}
        try:
            for line in self._path.read_text("ascii", "replace").splitlines():
                state, _, mark = line.partition(" ")
                states[mark] = state
        except OSError:  # missing or unreadable
            pass
        self.sending = {mark for mark, state in states.items() if state == _SENDING}
        self.sent = {mark for mark, state in states.items() if state == _SENT}

    def note_sending(self, mark: str) -> None:
        """The final message may be out from now on."""
        self._append(_SENDING, mark)

    def note_sent(self, *marks: str) -> None:
        """The final message has arrived."""
        self.sent.update(marks)
        self._append(_SENT, *marks)

    def forget(self, marks: Collection[str]) -> None:
        """The tables no longer have these."""
        self.sent.difference_update(marks)

    def compact(self) -> None:
        """Rewrite the file with `sent` only."""
        self.close()
        try:
            write_private(self._path, "".join(f"{_SENT} {mark}\n" for mark in self.sent))
        except OSError as error:
            log.debug("the journal cannot be rewritten: %s", error.strerror)

    def end(self) -> None:
        """Record an orderly shutdown and close the file."""
        self._append(_ENDED, _NO_MARK)
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
