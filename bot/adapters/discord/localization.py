"""Names of commands in people's languages, and texts that call commands by them."""

from __future__ import annotations

import re

from discord import Locale
from discord.app_commands import TranslationContextTypes, Translator, locale_str

from bot.texts import ENGLISH, SPANISH, say

LANGUAGES = {
    Locale.spain_spanish: SPANISH,
    Locale.latin_american_spanish: SPANISH,
    Locale.american_english: ENGLISH,
    Locale.british_english: ENGLISH,
}
COMMANDS = (
    "escribe",
    "ayuda",
    "modelo",
    "privacidad",
    "cancelar",
    "recargar",
    "estado",
    "pausar",
    "reanudar",
)
# Not inside of a word or of another path.
_COMMAND = re.compile(rf"(?<![\w/])/({'|'.join(COMMANDS)})\b")


def term(key: str) -> locale_str:
    """The text of this key, in whatever language a command is shown."""
    return locale_str(say(key), key=key)


class Texts(Translator):
    """Feeds our texts to discord.py, which asks for each text in each of Discord's languages."""

    async def translate(
        self, string: locale_str, locale: Locale, context: TranslationContextTypes
    ) -> str | None:
        """The text in this language, None where the one without a language will do."""
        language, key = LANGUAGES.get(locale), string.extras.get("key")
        return None if language is None or key is None else say(key, language)


def call_commands(text: str, language: str) -> str:
    """The text with its commands called as they are shown in this language."""
    if language == SPANISH:
        return text
    return _COMMAND.sub(lambda match: "/" + say(f"name_{match[1]}", language), text)
