"""A resumable download over HTTP that retries network failures and accepts complete files only.

Received bytes go to a `.part` file. A note beside it holds the URL and the validator (ETag or
date), so that a part of another URL or version is never continued. See RFC 9110, sections 13.1.5
(If-Range) and 14 (range requests).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from model.errors import LitteraError
from model.files import write_text

Progress = Callable[[int, int | None], None]
"""Told how many bytes have arrived, and of how many where the server says so."""

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE = 60.0
_DECODED = frozenset({"gzip", "deflate"})
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")


class DownloadError(LitteraError):
    """A download failed; a part that can be continued is kept."""


class NotThereError(DownloadError):
    """The server lacks the file, refuses it, or serves another; a mirror may have it."""


class _TryAgainError(Exception):
    """An attempt failed; `pause` is the server's Retry-After in seconds."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass(frozen=True)
class Patience:
    """Limits for a bad network.

    attempts: consecutive attempts without progress.
    pause: seconds before the second attempt, doubled for each further one.
    timeout: seconds that a connection may be silent.
    """

    attempts: int = 4
    pause: float = 0.5
    timeout: float = 30.0


def make_client(patience: Patience) -> httpx.Client:
    """A client that follows redirects and requests uncompressed transfers."""
    return httpx.Client(
        follow_redirects=True,
        timeout=patience.timeout,
        headers={"User-Agent": "litteragpt", "Accept-Encoding": "identity"},
    )


def fetch(
    client: httpx.Client,
    url: str,
    part: Path,
    accept: Callable[[Path], None],
    *,
    limit: int,
    patience: Patience,
    progress: Progress,
) -> None:
    """Download `url` to `part`, resuming an earlier call, and pass it to `accept`.

    `accept` moves the complete file away or raises; in both cases the part is removed, unless the
    system fails (OSError). Raises NotThereError, and DownloadError for other failures, which keep
    `part` for the next call. Refuses more than `limit` bytes.
    """
    transfer = _Transfer(client, url, part, limit, progress)
    _persist(transfer, patience)
    try:
        accept(part)
    except LitteraError:
        transfer.forget()
        raise
    transfer.forget()


def _persist(transfer: _Transfer, patience: Patience) -> None:
    """Attempt the transfer until it is complete or the attempts are used up."""
    fruitless = 0
    while True:
        furthest = transfer.furthest
        try:
            transfer.attempt()
            return
        except (_TryAgainError, httpx.TransportError) as error:
            if isinstance(error, httpx.UnsupportedProtocol):
                raise DownloadError(f"{transfer.url}: not an address of http or https") from None
            fruitless = 1 if transfer.furthest > furthest else fruitless + 1
            if fruitless >= patience.attempts:
                raise DownloadError(
                    f"{transfer.url}: cannot be downloaded now ({_reason(error)}); check the "
                    "connection and run the command again, what has arrived is kept"
                ) from None
            asked = error.pause if isinstance(error, _TryAgainError) else 0.0
            time.sleep(min(_LONGEST_PAUSE, max(asked, patience.pause * 2 ** (fruitless - 1))))
        except (httpx.InvalidURL, httpx.RequestError) as error:
            raise DownloadError(
                f"{transfer.url}: cannot be downloaded ({_reason(error)})"
            ) from None


class _Transfer:
    """The state of one download: the part, its note, and the furthest position reached."""

    def __init__(
        self, client: httpx.Client, url: str, part: Path, limit: int, progress: Progress
    ) -> None:
        self.client, self.url, self.part, self.limit = client, url, part, limit
        self.progress = progress
        self.note = part.with_name(part.name + ".json")
        self.furthest = 0

    def attempt(self) -> None:
        """Request the missing bytes; raises _TryAgainError or an error of httpx."""
        held, validator = self._held()
        self.furthest = max(self.furthest, held)
        headers = {"Range": f"bytes={held}-", "If-Range": validator} if held else {}
        with self.client.stream("GET", self.url, headers=headers) as response:
            status = response.status_code
            if status == httpx.codes.OK:
                self._start_over(response)
            elif status == httpx.codes.PARTIAL_CONTENT and held:
                self._go_on(response, held)
            elif status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and held:
                self._compare(response, held)
            elif status in _BUSY:
                raise _TryAgainError(f"the server answered {status}", _asked_pause(response))
            elif 400 <= status < 500:
                raise NotThereError(f"{self.url}: the server answered {status}")
            else:
                raise DownloadError(f"{self.url}: the server answered {status}")

    def forget(self) -> None:
        """Remove the part, then its note."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _held(self) -> tuple[int, str]:
        """The number of bytes held of this file, and their validator."""
        try:
            note = json.loads(self.note.read_text("utf-8"))
            if note["url"] == self.url:
                return self.part.stat().st_size, str(note["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return 0, ""

    def _start_over(self, response: httpx.Response) -> None:
        """Receive the whole file: the first time, or because the server or the file changed."""
        self.forget()
        if validator := _validator(response):
            write_text(self.note, json.dumps({"url": self.url, "validator": validator}))
        length = response.headers.get("Content-Length", "")
        self._receive(response, 0, int(length) if length.isdigit() else None)

    def _go_on(self, response: httpx.Response, held: int) -> None:
        """Receive the rest of the file."""
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != held:
            self.forget()
            raise _TryAgainError("the server sent another part than was asked for")
        self._receive(response, held, None if match[2] == "*" else int(match[2]))

    def _compare(self, response: httpx.Response, held: int) -> None:
        """Handle 416: the part is the complete file or, if longer, that of another one."""
        match = _UNSATISFIED.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != held:
            self.forget()
            raise _TryAgainError("the file on the server has changed")

    def _receive(self, response: httpx.Response, size: int, total: int | None) -> None:
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        chunks = response.iter_raw()
        if encoding != "identity":
            # Some servers compress every response. Offsets count compressed bytes then, so that
            # nothing of it can be continued.
            self.note.unlink(missing_ok=True)
            if encoding not in _DECODED or size:
                self.forget()
                raise NotThereError(
                    f"{self.url}: the server sends it compressed ({encoding}), which was not asked"
                )
            chunks, total = response.iter_bytes(), None
        with self.part.open("ab") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > self.limit:
                    self.forget()
                    raise NotThereError(
                        f"{self.url}: longer than {self.limit:,} bytes, so not what it should be"
                    )
                file.write(chunk)
                self.furthest = max(self.furthest, size)
                self.progress(size, total)
        if total is not None and size != total:
            raise _TryAgainError(f"{size:,} of {total:,} bytes arrived")


def _validator(response: httpx.Response) -> str | None:
    """The validator for If-Range: a strong ETag, else the date of the last change."""
    tag: str = response.headers.get("ETag", "")
    if tag.startswith('"'):
        return tag
    date: str | None = response.headers.get("Last-Modified")
    return date


def _asked_pause(response: httpx.Response) -> float:
    """Retry-After in seconds; ignores its other form, a date."""
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdigit() else 0.0


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
