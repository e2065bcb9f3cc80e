"""The page, in the visitor's language, and its files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

from aiohttp import web

from bot.adapters.web.guard import Handler
from bot.card import FONTS
from bot.requests.endings import ENDINGS
from bot.settings.settings import Settings
from bot.texts import ENGLISH, SPANISH, language_of, say
from bot.texts.formatting import author
from model.text.prompt import SENTENCES, TEMPERATURES

FOLDER = Path(__file__).parent / "page"
# Texts of the page, by their names in it.
_TEXTS = {
    name: f"web_{name}"
    for name in (
        *("skip", "phrase", "example", "hint", "style", "any_style", "sentences", "temperature"),
        *("write", "stop", "copy", "save", "share", "answer", "options", "actions", "writing"),
        *("done", "stopped", "lost", "refused", "copied", "drawing", "drawn", "dark", "made_up"),
        *("choose", "kept", "no_script", "examples", "calm", "delirious", "surprise", "former"),
        *("history", "history_hint", "forget"),
    )
} | {
    "about": "about",
    "temperature_hint": "option_temperatura",
    "continue": "button_continue",
    "again": "button_again",
    "endings": "button_endings",
    "card": "button_card",
}
# Phrases that the page proposes, in the language of the texts; the first ones as buttons.
EXAMPLES = (
    "En un lugar de la Mancha",
    "Tengo hambre",
    "La noche era fría y",
    "Aquel médico no creía en nada",
    "Cuando la vi entrar en la iglesia",
    "Mi amo, que era ciego,",
    "Dicen que el dinero",
    "Bajaron los mineros al pozo",
    "La viuda cerró el balcón",
    "No hay en el mundo mayor desgracia",
    "El cura del pueblo",
    "Anoche soñé con el mar",
)
CHIPS = 3
_LANGUAGES = {SPANISH: "Español", ENGLISH: "English"}


class _File(NamedTuple):
    path: Path
    kind: str


_FILES = {
    "page.css": _File(FOLDER / "page.css", "text/css"),
    "history.js": _File(FOLDER / "history.js", "text/javascript"),
    "page.js": _File(FOLDER / "page.js", "text/javascript"),
    "theme.js": _File(FOLDER / "theme.js", "text/javascript"),
    "icon.svg": _File(FOLDER / "icon.svg", "image/svg+xml"),
    "fell.woff": _File(FONTS / "fell.woff", "font/woff"),
    "fell-italic.woff": _File(FONTS / "fell-italic.woff", "font/woff"),
}


class Pages:
    """Handles requests for the page and its files.

    styles: returns the styles of the model.
    """

    def __init__(self, settings: Settings, styles: Callable[[], tuple[str, ...]]) -> None:
        self._settings, self._styles = settings, styles

    async def show(self, request: web.Request) -> web.Response:
        """Respond with the page."""
        language = _language(request)
        return _html(self._page(language), language)

    @web.middleware
    async def missing(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Respond to an unknown address with a page that leads back."""
        try:
            return await handler(request)
        except web.HTTPNotFound:
            if request.method not in ("GET", "HEAD"):
                raise
            language = _language(request)
            values = {
                "language": language,
                "version": _version(),
                "root": "../" * (request.path.count("/") - 1) or "./",
                "title": say("web_missing", language),
                "back": say("web_back", language),
            }
            escaped = {name: escape(value) for name, value in values.items()}
            return _html(_template("missing.html").substitute(escaped), language, status=404)

    async def file(self, request: web.Request) -> web.Response:
        """Respond with one of the page's files."""
        name = request.match_info["file"]
        if name not in _FILES:
            raise web.HTTPNotFound
        # The page adds a digest of the files to their URLs.
        headers = {"Cache-Control": "public, max-age=86400"}
        return web.Response(body=_content(name), content_type=_FILES[name].kind, headers=headers)

    def _page(self, language: str) -> str:
        settings = self._settings
        other = ENGLISH if language == SPANISH else SPANISH
        privacy = "web_privacy_logged" if settings.log_phrases else "web_privacy"
        values = {name: say(key, language) for name, key in _TEXTS.items()} | {
            "privacy": say(privacy, language),
            "how": say("web_how", language, seed="{seed}", checkpoint="{checkpoint}"),
            "language": language,
            "other": other,
            "other_name": _LANGUAGES[other],
            "version": _version(),
            "phrase_limit": settings.phrase_limit,
            "default_sentences": settings.sentences,
            "default_temperature": settings.temperature,
            "least_sentences": SENTENCES[0],
            "most_sentences": SENTENCES[1],
            "least_temperature": TEMPERATURES[0],
            "most_temperature": TEMPERATURES[1],
            "surprises": "|".join(EXAMPLES),
        }
        for number in range(1, ENDINGS + 1):
            values[f"keep_{number}"] = say("web_keep", language, number=number)
        escaped = {name: escape(str(value)) for name, value in values.items()}
        chips = "".join(
            f'<button type="button" lang="es">{escape(phrase)}</button>'
            for phrase in EXAMPLES[:CHIPS]
        )
        return _template("page.html").substitute(escaped, styles=self._style_options(), chips=chips)

    def _style_options(self) -> str:
        return "".join(
            f'<option value="{escape(style)}">{escape(author(style))}</option>'
            for style in self._styles()
        )


def preferred(accepted: str) -> str:
    """The page's language that an Accept-Language header prefers, Spanish by default."""
    weights = {SPANISH: 0.0, ENGLISH: 0.0}
    for each in accepted[:500].split(","):
        tag, _, parameter = each.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name == "q" else 1.0
        except ValueError:
            continue
        if tag[:2].lower() in weights:
            language = language_of(tag)
            weights[language] = max(weights[language], weight)
    return ENGLISH if weights[ENGLISH] > weights[SPANISH] else SPANISH


def _language(request: web.Request) -> str:
    """The language that a visitor has chosen, or else prefers."""
    chosen = request.query.get("lang")
    return chosen if chosen in _LANGUAGES else preferred(request.headers.get("Accept-Language", ""))


def _html(page: str, language: str, status: int = 200) -> web.Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return web.Response(
        text=page, status=status, content_type="text/html", charset="utf-8", headers=headers
    )


@cache
def _template(name: str) -> Template:
    return Template((FOLDER / name).read_text("utf-8"))


@cache
def _content(name: str) -> bytes:
    return _FILES[name].path.read_bytes()


@cache
def _version() -> str:
    digest = hashlib.sha256()
    for name in sorted(_FILES):
        digest.update(_content(name))
    return digest.hexdigest()[:12]
