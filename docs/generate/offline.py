"""A hook of MkDocs: every page that would fetch anything from elsewhere is a warning, and so, with
--strict, an error."""

from __future__ import annotations

import logging
from html.parser import HTMLParser
from typing import Any

log = logging.getLogger("mkdocs.hooks.offline")

# What a browser fetches by itself, and where its address stands; other links wait to be followed.
_FETCHED = {"link": "href", **dict.fromkeys(("audio", "embed", "iframe", "img", "script"), "src")}
_NOT_FETCHED = {"canonical", "next", "prev"}
_ELSEWHERE = ("http://", "https://", "//")


class _Fetched(HTMLParser):
    """Collects the addresses that a page has a browser fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        values = dict(attrs)
        address = values.get(_FETCHED.get(tag, "")) or ""
        if address.startswith(_ELSEWHERE) and values.get("rel") not in _NOT_FETCHED:
            self.addresses.append(address)


def fetched_from_elsewhere(page: str) -> list[str]:
    """The addresses on other machines that a browser fetches to show this page of HTML."""
    reader = _Fetched()
    reader.feed(page)
    return reader.addresses


def on_post_page(output: str, page: Any, **_: object) -> str:
    """Called by MkDocs for every page before it is written."""
    for address in fetched_from_elsewhere(output):
        log.warning("%s would be fetched for %s", address, page.file.src_uri)
    if 'class="mermaid"' in output:  # the theme fetches what draws such a diagram
        log.warning("%s has a Mermaid diagram, which needs the network", page.file.src_uri)
    return output
