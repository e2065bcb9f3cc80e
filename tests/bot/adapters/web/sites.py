"""Sites, each a process of `litteragpt web`, and visitors with their own addresses."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import socket
import struct
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from tests.bot.programs import PROGRAM, SECONDS, environment

HOST = "127.0.0.1"
# In phrases, never in a log.
SECRET_WORD = "Zarzaparrilla"  # noqa: S105 (not that kind of secret)
PHRASE = f"En un lugar de la {SECRET_WORD}"
# The header with a visitor's address, which is never in a log either.
ADDRESS_HEADER = "X-Forwarded-For"
UNLIMITED = {
    "person_per_minute": 0,
    "person_per_day": 0,
    "strikes": 0,
    "shutdown_seconds": 5,
    "web_address_header": ADDRESS_HEADER,
}
# Slow enough to interrupt.
SLOW = {"engine": "pytorch", "sentence_limit": 4000}

_addresses = itertools.count(1)


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def text_asked(text: str = PHRASE, **changes: Any) -> dict[str, Any]:
    """The body of a request for a text."""
    return {"language": "es", "text": text, "sentences": 2, "temperature": 0.8} | changes


class Visitor:
    """A visitor with an address."""

    def __init__(self, session: aiohttp.ClientSession, base: str, address: str) -> None:
        self._session, self.base, self.address = session, base, address

    def post(self, path: str, **how: Any) -> Any:
        """A request, as an async context."""
        headers = {ADDRESS_HEADER: self.address} | how.pop("headers", {})
        return self._session.post(self.base + path, headers=headers, **how)

    @asynccontextmanager
    async def asking(self, text: str = PHRASE, **changes: Any) -> AsyncIterator[Any]:
        """A streaming answer; iterate over its lines."""
        async with self.post("/write", json=text_asked(text, **changes)) as response:
            assert response.status == 200
            yield lines_of(response)

    async def ask(self, text: str = PHRASE, **changes: Any) -> list[dict[str, Any]]:
        """All lines of an answer."""
        async with self.asking(text, **changes) as lines:
            return [line async for line in lines]

    async def ask_and_leave(self, text: str = PHRASE, **changes: Any) -> None:
        """Send a request and close the connection before the response."""
        url = URL(self.base)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(self._request(text, **changes))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def ask_and_reset(self, text: str = PHRASE, **changes: Any) -> None:
        """Send a request and reset the connection at once, with RST instead of FIN."""
        url = URL(self.base)
        with socket.create_connection((url.host, url.port)) as connection:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.sendall(self._request(text, **changes))

    def _request(self, text: str, **changes: Any) -> bytes:
        body = json.dumps(text_asked(text, **changes)).encode()
        head = (
            f"POST /write HTTP/1.1\r\nHost: {URL(self.base).authority}\r\n"
            f"{ADDRESS_HEADER}: {self.address}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("utf-8", "surrogateescape") + body

    async def notice(self, text: str = PHRASE, **changes: Any) -> str | None:
        """The notice of a refusal, None for an answer."""
        last = (await self.ask(text, **changes))[-1]
        assert last["is"] in ("done", "failed")
        told: str | None = last.get("notice")
        return told


async def lines_of(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The lines of an answer."""
    async for line in response.content:
        if line.strip():
            yield json.loads(line)


class Site:
    """A running site."""

    def __init__(
        self, folder: Path, checkpoints: Path, *arguments: str, **settings: object
    ) -> None:
        self.port, self._log_path = free_port(), folder / "log"
        self.base = f"http://{HOST}:{self.port}"
        ours = UNLIMITED | {"state_dir": folder / "state", "web_port": self.port} | settings
        self._settings = environment(checkpoints, **ours)
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, *(arguments or ("web",))],
                env=self._settings,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.session: aiohttp.ClientSession | None = None

    @property
    def log(self) -> str:
        """The log of the site."""
        return self._log_path.read_text("utf-8")

    def visitor(self, address: str = "") -> Visitor:
        """A new visitor, or the visitor with this address."""
        assert self.session is not None
        number = next(_addresses)
        own = f"198.51.{number // 256}.{number % 256}"  # RFC 5737: reserved for examples
        return Visitor(self.session, self.base, address or own)

    async def ready(self) -> None:
        """Wait until the page is served."""
        async with asyncio.timeout(SECONDS):
            while "the page is at" not in self.log:
                assert self.process.poll() is None, self.log
                await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """End the site with a signal; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for the end of the site; its exit code."""
        return await asyncio.to_thread(self.process.wait, SECONDS)

    def check(self) -> None:
        """Check that the site runs, has logged no error and no secret of its visitors."""
        log = self.log
        assert self.process.poll() is None, log
        # A visitor's bad request also logs a line.
        errors = [line for line in log.splitlines() if "ERROR" in line]
        assert all(line.endswith("failed: PromptError") for line in errors), log
        assert "Traceback" not in log, log
        assert SECRET_WORD.lower() not in log.lower()
        assert "198.51." not in log


@asynccontextmanager
async def serving(
    folder: Path, checkpoints: Path, *arguments: str, **settings: object
) -> AsyncIterator[Site]:
    """Run a site; `arguments` are its command, by default `web`."""
    folder.mkdir(exist_ok=True)
    site = Site(folder, checkpoints, *arguments, **settings)
    try:
        await site.ready()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as site.session:
            yield site
    finally:
        site.process.kill()
        site.process.wait()
