"""Inline keyboards and the three parse modes."""

from __future__ import annotations

import html
import re
from typing import Any

from tests.fakes.telegram.entities import Entity, units
from tests.fakes.telegram.errors import ApiError, bad_request

_ACTIONS = (
    "url callback_data web_app login_url switch_inline_query switch_inline_query_current_chat "
    "switch_inline_query_chosen_chat copy_text callback_game pay"
).split()
_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
}
_RESERVED = "_*[]()~`>#+-=|{}.!"
_MARKS_V2 = {
    "```": "pre",
    "||": "spoiler",
    "__": "underline",
    "*": "bold",
    "_": "italic",
    "~": "strikethrough",
    "`": "code",
}
_MARKS_V1 = {"```": "pre", "*": "bold", "_": "italic", "`": "code"}


def keyboard(markup: Any) -> dict[str, Any] | None:
    """The inline keyboard of a reply_markup; None for other keyboards. Raises ApiError."""
    if not markup:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    rows = markup.get("inline_keyboard")
    if rows is None:
        return None  # reply keyboards belong to the chat, not to the message
    kept = [[_button(button) for button in row] for row in rows if row]
    return {"inline_keyboard": kept} if kept else None


def _button(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict) or not button.get("text"):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    if sum(action in button for action in _ACTIONS) != 1:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= 64:
        raise bad_request("BUTTON_DATA_INVALID")
    return button


def parsed(text: str, mode: str) -> tuple[str, list[Entity]]:
    """The text and entities of marked-up text. Raises ApiError for invalid markup."""
    parsers = {"html": _parse_html, "markdownv2": _parse_v2, "markdown": _parse_v1}
    if not mode:
        return text, []
    if mode.lower() not in parsers:
        raise bad_request("unsupported parse_mode")
    return parsers[mode.lower()](text)


def _broken(text: str, at: int, why: str) -> ApiError:
    return bad_request(f"can't parse entities: {why} at byte offset {len(text[:at].encode())}")


def _entity(kind: str, plain: str, start: int, **fields: Any) -> Entity:
    return {"type": kind, "offset": start, "length": units(plain) - start} | fields


def _parse_html(text: str) -> tuple[str, list[Entity]]:
    plain, at = "", 0
    open_tags: list[tuple[str, int, dict[str, Any]]] = []
    entities: list[Entity] = []
    while at < len(text):
        if text[at] != "<":
            end = text.find("<", at)
            end = len(text) if end < 0 else end
            plain += html.unescape(text[at:end])
            at = end
            continue
        match = re.compile(r"<(/?)([a-zA-Z-]*)([^<>]*)>").match(text, at)
        name = match[2].lower() if match else ""
        if match is None or name not in _TAGS:
            raise _broken(text, at, f'Unsupported start tag "{name}"')
        if not match[1]:
            link = re.search(r"href\s*=\s*[\"']?([^\"'>]*)", match[3])
            fields = {"url": html.unescape(link[1])} if name == "a" and link else {}
            open_tags.append((name, units(plain), fields))
        elif not open_tags:
            raise _broken(text, at, "Unexpected end tag")
        else:
            expected, start, fields = open_tags.pop()
            if expected != name:
                why = f'Unmatched end tag, expected "</{expected}>", found "</{name}>"'
                raise _broken(text, at, why)
            entities.append(_entity(_TAGS[name], plain, start, **fields))
        at = match.end()
    if open_tags:
        why = f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}"'
        raise _broken(text, at, why)
    return plain, entities


def _parse_v2(text: str) -> tuple[str, list[Entity]]:
    return _parse_markdown(text, _MARKS_V2, _RESERVED)


def _parse_v1(text: str) -> tuple[str, list[Entity]]:
    return _parse_markdown(text, _MARKS_V1, "")


def _parse_markdown(text: str, marks: dict[str, str], reserved: str) -> tuple[str, list[Entity]]:
    plain, at = "", 0
    open_marks: list[tuple[str, int, int]] = []  # mark, start in units, index in the text
    entities: list[Entity] = []
    while at < len(text):
        top = open_marks[-1][0] if open_marks else ""
        verbatim = top in ("`", "```")
        mark = next((mark for mark in marks if text.startswith(mark, at)), "")
        link = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)").match(text, at)
        if text[at] == "\\" and at + 1 < len(text) and ord(text[at + 1]) < 127:
            plain, at = plain + text[at + 1], at + 2
        elif mark and mark == top:
            _, start, _ = open_marks.pop()
            entities.append(_entity(marks[mark], plain, start))
            at += len(mark)
        elif mark and not verbatim:
            open_marks.append((mark, units(plain), at))
            at += len(mark)
        elif link and not verbatim:
            start = units(plain)
            plain += link[1]
            entities.append(_entity("text_link", plain, start, url=link[2]))
            at = link.end()
        elif text[at] in reserved and not verbatim and not (text[at] == ">" and _at_line(text, at)):
            why = f"Character '{text[at]}' is reserved and must be escaped with the preceding '\\'"
            raise _broken(text, at, why)
        else:
            plain, at = plain + text[at], at + 1
    if open_marks:
        mark, _, place = open_marks[-1]
        raise _broken(text, place, f"Can't find end of {marks[mark].title()} entity")
    return plain, entities


def _at_line(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] == "\n"
