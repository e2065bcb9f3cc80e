"""Validation, trimming and detection of text entities.

Offsets count UTF-16 code units. Follows TDLib's `fix_formatted_text`: refuses entities that leave
the text or split a surrogate pair, trims the text, and adds mentions, commands, links, addresses
and hashtags that the client did not mark. Explicit entities or a parse mode do *not* disable
detection; only text inside `code`, `pre`, `text_link` and `text_mention` is exempt. So `@name` in
plain text is a mention."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.telegram.errors import bad_request

Entity = dict[str, Any]

MAX_TEXT = 4096
_OPAQUE = {"code", "pre", "text_link", "text_mention", "mention", "url", "bot_command"}
_STYLES = set(
    "bold italic underline strikethrough spoiler blockquote expandable_blockquote code pre "
    "text_link text_mention custom_emoji".split()
)
# Telegram detects these itself and ignores them if the client gives them.
_FOUND = set("mention hashtag cashtag bot_command url email phone_number".split())
_PATTERNS = {
    "email": r"(?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "url": r"(?:https?|tg|ftp)://[^\s<>\"]+[^\s<>\".,;:!?)]"
    r"|(?<![\w@./-])(?:[\w-]+\.)+(?:com|org|net|es|eu|io|me|dev|info|mx|ar)\b(?:/[^\s<>\"]*)?",
    "mention": r"(?<![\w/.@])@[A-Za-z][A-Za-z0-9_]{2,31}\b",
    "bot_command": r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>])",
    "hashtag": r"(?<![\w#])#\w*[^\W\d]\w*",
}


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def covered(text: str, entity: Entity) -> str:
    """The part of `text` that the entity covers."""
    start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
    return text.encode("utf-16-le", "surrogatepass")[start:end].decode("utf-16-le", "replace")


def formatted(
    text: str, given: list[Entity], *, empty: str = "message text is empty"
) -> tuple[str, list[Entity]]:
    """The stored text and all its entities.

    empty: error description for a text that is empty after trimming.
    Raises ApiError for it, for an invalid entity and for too long a text."""
    for entity in given:
        _check(text, entity)
    entities = [
        dict(entity) for entity in given if entity["length"] > 0 and entity["type"] in _STYLES
    ]
    text, entities = _trimmed(text.replace("\r", "").replace("\0", " "), entities)
    if not text:
        raise bad_request(empty)
    if units(text) > MAX_TEXT:
        raise bad_request("message is too long")
    entities += _detected(text, entities)
    return text, sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def detected(text: str) -> list[Entity]:
    """The entities that Telegram detects in a text."""
    return sorted(_detected(text, []), key=lambda entity: entity["offset"])


def _check(text: str, entity: Entity) -> None:
    if not isinstance(entity, dict) or entity.get("type") not in _STYLES | _FOUND:
        raise bad_request(f"can't parse MessageEntity: unsupported entity {entity!r}")
    start, length = entity.get("offset"), entity.get("length")
    if not isinstance(start, int) or start < 0:
        raise bad_request(f"receive an entity with incorrect offset {start}")
    if not isinstance(length, int) or length < 0:
        raise bad_request(f"receive an entity with incorrect length {length}")
    if start > units(text):
        raise bad_request(f"entity begins after the end of the text at UTF-16 offset {start}")
    if start + length > units(text):
        raise bad_request(
            f"entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 "
            f"offset {start + length}"
        )
    if _splits_pair(text, start):
        raise bad_request("entity begins in a middle of a UTF-16 symbol")
    if _splits_pair(text, start + length):
        raise bad_request(
            f"entity beginning at UTF-16 offset {start} ends in a middle of a UTF-16 symbol"
        )
    if entity["type"] == "text_mention" and not isinstance(entity.get("user"), dict):
        raise bad_request("can't parse MessageEntity: Can't find field \"user\"")
    if entity["type"] == "text_link" and not entity.get("url"):
        raise bad_request("can't parse MessageEntity: Can't find field \"url\"")


def _splits_pair(text: str, offset: int) -> bool:
    unit = text.encode("utf-16-le", "surrogatepass")[2 * offset : 2 * offset + 2]
    return len(unit) == 2 and 0xDC00 <= int.from_bytes(unit, "little") <= 0xDFFF


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    text = text.rstrip()
    # Leading whitespace is trimmed only up to the first entity.
    first = min((entity["offset"] for entity in entities), default=len(text))
    lead = min(len(text) - len(text.lstrip()), first)
    text, length = text[lead:], units(text[lead:])
    kept = []
    for entity in entities:
        start, end = entity["offset"] - lead, entity["offset"] - lead + entity["length"]
        if start < length:
            kept.append(entity | {"offset": start, "length": min(end, length) - start})
    return text, kept


def _detected(text: str, given: list[Entity]) -> list[Entity]:
    taken = [entity for entity in given if entity["type"] in _OPAQUE]
    found: list[Entity] = []
    for kind, pattern in _PATTERNS.items():
        for match in re.finditer(pattern, text):
            entity = {
                "type": kind,
                "offset": units(text[: match.start()]),
                "length": units(match[0]),
            }
            if not any(_overlap(entity, other) for other in taken + found):
                found.append(entity)
    return found


def _overlap(one: Entity, other: Entity) -> bool:
    return bool(
        one["offset"] < other["offset"] + other["length"]
        and other["offset"] < one["offset"] + one["length"]
    )
