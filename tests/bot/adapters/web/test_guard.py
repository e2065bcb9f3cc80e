"""The guard: only the page may send requests, and only valid ones."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.adapters.web.guard import HEADERS
from bot.adapters.web.requests import BODY_BYTES
from bot.texts import say
from tests.bot.adapters.web.sites import Site, Visitor, serving, text_asked

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


async def status(site: Site, method: str, path: str, **how: Any) -> int:
    """The status of a response; checks its headers."""
    assert site.session is not None
    async with site.session.request(method, site.base + path, **how) as response:
        await response.read()
        assert HEADERS.items() <= dict(response.headers).items()
        assert "Server" not in response.headers
        return response.status


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1", "[::1]:80", "10.1.2.3"])
async def test_configured_host_names_are_accepted(site: Site, host: str) -> None:
    assert await status(site, "GET", "/", headers={"Host": host}) == 200


async def test_name_may_have_letters_of_spanish(markup_checkpoints: Path, tmp_path: Path) -> None:
    names = "España.es, xn--muoz-hqa.example"
    async with serving(tmp_path, markup_checkpoints, web_names=names) as site:
        for host in ("españa.es", "xn--espaa-rta.es", "XN--ESPAA-RTA.ES:443", "muñoz.example"):
            assert await status(site, "GET", "/", headers={"Host": host}) == 200
        for host in ("espana.es", "xn--espaa.es", "españa.es.evil.example"):
            assert await status(site, "GET", "/", headers={"Host": host}) == 421


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[", "a@b"]
)
async def test_other_host_names_are_rejected(site: Site, host: str) -> None:
    assert await status(site, "GET", "/", headers={"Host": host}) == 421
    json_headers = {"Host": host, "Content-Type": "application/json"}
    assert await status(site, "POST", "/write", data=b"{}", headers=json_headers) == 421


@pytest.mark.parametrize("where", ["cross-site", "same-site", "none"])
async def test_cross_origin_requests_are_rejected(site: Site, where: str) -> None:
    headers = {"Sec-Fetch-Site": where}
    assert await status(site, "POST", "/write", json=text_asked(), headers=headers) == 403
    assert await status(site, "GET", "/", headers=headers) == 200  # a link to this page


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_form_encoded_body_is_rejected(site: Site, kind: str) -> None:
    body = json.dumps(text_asked()).encode()
    for path in ("/write", "/card"):
        code = await status(site, "POST", path, data=body, headers={"Content-Type": kind})
        assert code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 20_000,
        json.dumps(text_asked(text=None)).encode(),
        json.dumps(text_asked(text=["a"])).encode(),
        json.dumps(text_asked(text="a" * 12_001)).encode(),
        json.dumps(text_asked(sentences=6)).encode(),
        json.dumps(text_asked(sentences=True)).encode(),
        json.dumps(text_asked(sentences="2")).encode(),
        json.dumps(text_asked(temperature=2.5)).encode(),
        json.dumps(text_asked(temperature=float("nan"))).encode(),
        json.dumps(text_asked(language="fr")).encode(),
        json.dumps(text_asked(seed=1)).encode(),
        gzip.compress(json.dumps(text_asked()).encode()),
    ],
)
@pytest.mark.parametrize("path", ["/write", "/card"])
async def test_malformed_request_is_rejected(site: Site, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert await status(site, "POST", path, data=body, headers=headers) == 400


async def test_compressed_request_is_not_decompressed(site: Site) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    bomb = gzip.compress(b" " * 10_000_000)
    assert await status(site, "POST", "/write", data=bomb, headers=headers) == 400


async def test_long_request_is_not_read_completely(site: Site) -> None:
    headers = {"Content-Type": "application/json"}
    body = b" " * (BODY_BYTES + 1)
    assert await status(site, "POST", "/write", data=body, headers=headers) == 413


@pytest.mark.parametrize(
    "path", ["/nothing", "/page.html", "/..%2f..%2fetc%2fpasswd", "/page.css/x", "/pages.py"]
)
async def test_unknown_paths_are_not_found(site: Site, path: str) -> None:
    assert await status(site, "GET", path) == 404


async def test_other_methods_are_rejected(site: Site) -> None:
    headers = {"Content-Type": "application/json"}
    assert await status(site, "GET", "/write") == 405
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert await status(site, method, "/", json={}, headers=headers) == 405


async def test_page_loads_no_foreign_or_inline_code(
    ana: Visitor,
) -> None:
    async with aiohttp.ClientSession() as session, session.get(ana.base) as response:
        page = await response.text()
        named = set(re.findall(r'(?:src|href)="([^"#?][^"]*)"', page))
        files = {name: session.get(f"{ana.base}/{name}") for name in sorted(named)}
        for name, asked in files.items():
            async with asked as answer:
                assert answer.status == 200, name
                assert "max-age" in answer.headers["Cache-Control"]
                assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)", await answer.read())
    assert {name.partition("?")[0] for name in named} == {
        "icon.svg",
        "history.js",
        "page.css",
        "page.js",
        "theme.js",
    }
    assert "http" not in page
    assert not re.search(r"<style|style=|\son\w+=|<script(?! src=)", page)


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("", "", "es"),
        ("", "de-DE,de;q=0.9", "es"),
        ("", "en-GB,en;q=0.9,es;q=0.5", "en"),
        ("", "es-419,es;q=0.9,en;q=0.8", "es"),
        ("", "fr, en;q=0.3", "en"),
        ("", "en;q=x, ;;;,q=1,=", "es"),
        ("?lang=en", "es", "en"),
        ("?lang=es", "en", "es"),
        ("?lang=%3Cscript%3E", "en", "en"),
    ],
)
async def test_page_uses_the_visitors_language(
    site: Site, query: str, accepted: str, language: str
) -> None:
    assert site.session is not None
    headers = {"Accept-Language": accepted}
    async with site.session.get(f"{site.base}/{query}", headers=headers) as response:
        page = await response.text()
        assert response.headers["Content-Language"] == language
        assert response.headers["Vary"] == "Accept-Language"
    assert f'<html lang="{language}">' in page
    assert "$" not in page
    assert ">Galdós</option>" in page
    assert f"<noscript><p>{say('web_no_script', language)}</p></noscript>" in page
