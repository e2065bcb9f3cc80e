"""A web site on the loopback interface with configurable faults."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Site:
    """The served files and faults. `requests` lists (path, Range header) in order."""

    files: dict[str, bytes] = field(default_factory=dict)
    base: str = ""
    ranges: bool = True  # whether Range is understood
    tagged: bool = True  # whether there is an ETag
    announced: bool = True  # whether there is a Content-Length
    encoding: str = ""  # compression of every response, regardless of the request
    uncompressed: str = "nothing"  # the end of the paths that are not
    cuts: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    statuses: list[int] = field(default_factory=list)  # status codes of the next responses
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """The requested paths."""
        return [path for path, _ in self.requests]


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site, wanted = self.site, self.headers.get("Range")
        site.requests.append((self.path, wanted))
        content = site.files.get(self.path)
        if site.statuses or content is None:
            self.send_error(site.statuses.pop(0) if site.statuses else 404)
            return
        compressed = site.encoding and not self.path.endswith(site.uncompressed)
        if compressed:
            packers = {"gzip": gzip.compress, "deflate": zlib.compress}
            content = packers.get(site.encoding, bytes)(content)
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        start = 0
        if wanted and site.ranges and self.headers.get("If-Range") == tag:
            match = re.fullmatch(r"bytes=(\d+)-", wanted)
            assert match is not None
            start = int(match[1])
        if start and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if compressed:
            self.send_header("Content-Encoding", site.encoding)
        if site.tagged:
            self.send_header("ETag", tag)
        if site.announced:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        self.wfile.write(body[: site.cuts.pop(0)] if site.cuts else body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep quiet."""


@contextmanager
def serving() -> Iterator[Site]:
    """A site with no files yet; `site.base` is its address."""
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        site.base = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
