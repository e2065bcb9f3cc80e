"""Localized names of commands, and texts that use them."""

from __future__ import annotations

import re

from discord import Locale
from discord.app_commands import TranslationContextTypes, Translator, locale_str

from bot.admin.commands import Command
from bot.texts import ENGLISH, SPANISH, say

LANGUAGES = {
    Locale.spain_spanish: SPANISH,
    Locale.latin_american_spanish: SPANISH,
    Locale.american_english: ENGLISH,
    Locale.british_english: ENGLISH,
}
# On Discord, INFO is in the menu of a message.
COMMANDS = tuple(command for command in Command if command is not Command.INFO)
# Not within a word or a path.
_COMMAND = re.compile(rf"(?<![\w/])/({'|'.join(COMMANDS)})\b")


def term(key: str) -> locale_str:
    """The text of this key, in the language of the user's Discord."""
    return locale_str(say(key), key=key)


def name_of(command: Command) -> locale_str:
    """A command's localized name."""
    return term(f"name_{command}")


def description_of(command: Command) -> locale_str:
    """A command's localized description."""
    return term(f"command_{command}")


class Texts(Translator):
    """Translates texts for discord.py, which asks for each in each of Discord's languages."""

    async def translate(
        self, string: locale_str, locale: Locale, context: TranslationContextTypes
    ) -> str | None:
        """The text in this language, None if the default text serves."""
        language, key = LANGUAGES.get(locale), string.extras.get("key")
        return None if language is None or key is None else say(key, language)


def call_commands(text: str, language: str) -> str:
    """The text with each `/command` renamed as Discord shows it in this language."""
    if language == SPANISH:
        return text
    return _COMMAND.sub(lambda match: "/" + say(f"name_{match[1]}", language), text)
