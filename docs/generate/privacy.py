"""The bot's privacy texts, verbatim."""

from __future__ import annotations

from bot.texts import ENGLISH, SPANISH, say

_TEXTS = {
    "`/privacidad`": "privacy",
    "`/privacidad` where `LITTERAGPT_LOG_PHRASES=true`": "privacy_logged",
    "the web page": "web_privacy",
    "the web page where `LITTERAGPT_LOG_PHRASES=true`": "web_privacy_logged",
}


def quotations() -> str:
    """The texts in both languages, in Markdown."""
    parts = []
    for where, key in _TEXTS.items():
        quoted = "\n>\n".join(f"> {say(key, language)}" for language in (SPANISH, ENGLISH))
        parts.append(f"{where[0].upper()}{where[1:]}:\n\n{quoted}\n")
    return "\n".join(parts)
