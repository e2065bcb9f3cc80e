"""Validation of messages, embeds and components.

https://docs.discord.com/developers/resources/message and /developers/components/reference"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, IntFlag
from typing import Any

from tests.fakes.discord.strictness import Form, Json
from tests.fakes.discord.uploads import check_attachments


class Flag(IntFlag):
    """Message flags."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


class Component(IntEnum):
    """Component types."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18


SELECTS = (3, 5, 6, 7, 8)
_LINK, _PREMIUM = 5, 6
_V2_TOP = (1, 9, 10, 12, 13, 14, 17)


def components_in(components: list[Json]) -> Iterator[Json]:
    """All components, nested ones included."""
    for component in components:
        yield component
        yield from components_in(component.get("components") or [])
        for single in ("accessory", "component"):
            if component.get(single):
                yield from components_in([component[single]])


def shown_text(content: str, components: list[Json]) -> str:
    """The text of a message in which mentions and links are recognised."""
    displays = [c["content"] for c in components_in(components) if c.get("type") == 10]
    return "\n".join([content, *displays])


def check_message(form: Form, body: Json, flags: int, path: str = "") -> None:
    """Validate the fields in `body`; `flags` are the message's flags after the change."""
    if body.get("content") is not None:
        form.length(f"{path}content", body["content"], 0, 2000)
    check_attachments(form, body, path)
    embeds, components = body.get("embeds") or [], body.get("components") or []
    _check_embeds(form, embeds, path)
    if body.get("allowed_mentions") is not None:
        _check_allowed_mentions(form, body["allowed_mentions"], f"{path}allowed_mentions")
    if flags & Flag.COMPONENTS_V2:
        if body.get("content") or embeds:
            told = "Content and embeds cannot be used with MessageFlags.IS_COMPONENTS_V2"
            form.wrong(f"{path}flags", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", told)
        _check_v2(form, components, f"{path}components")
    else:
        form.at_most(f"{path}components", components, 5)
        for number, row in enumerate(components):
            if row.get("type") != Component.ACTION_ROW:
                told = 'Value of field "type" must be one of (1,).'
                form.wrong(f"{path}components.{number}.type", "UNION_TYPE_CHOICES", told)
    _check_components(form, components, f"{path}components")


def check_modal(form: Form, data: Json) -> None:
    """Validate the data of a modal."""
    form.length("data.custom_id", data.get("custom_id"), 1, 100)
    form.length("data.title", data.get("title"), 1, 45)
    components = data.get("components") or []
    if not 1 <= len(components) <= 5:
        form.wrong("data.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    _check_components(form, components, "data.components")


def _check_allowed_mentions(form: Form, allowed: Json, path: str) -> None:
    parse = allowed.get("parse") or []
    for kind in parse:
        if kind not in ("users", "roles", "everyone"):
            told = "Value must be one of ('users', 'roles', 'everyone')."
            form.wrong(f"{path}.parse", "BASE_TYPE_CHOICES", told)
    for kind in ("users", "roles"):
        form.at_most(f"{path}.{kind}", allowed.get(kind) or [], 100)
        if kind in parse and allowed.get(kind):
            told = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            form.wrong(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", told)


def _check_embeds(form: Form, embeds: list[Json], path: str) -> None:
    form.at_most(f"{path}embeds", embeds, 10)
    total = 0
    for number, embed in enumerate(embeds):
        here = f"{path}embeds.{number}"
        fields = embed.get("fields") or []
        form.at_most(f"{here}.fields", fields, 25)
        author, footer = embed.get("author") or {}, embed.get("footer") or {}
        texts: list[tuple[str, Any, int]] = [
            (f"{here}.title", embed.get("title"), 256),
            (f"{here}.description", embed.get("description"), 4096),
            (f"{here}.author.name", author.get("name"), 256),
            (f"{here}.footer.text", footer.get("text"), 2048),
        ]
        for index, field in enumerate(fields):
            form.length(f"{here}.fields.{index}.name", field.get("name"), 1, 256)
            form.length(f"{here}.fields.{index}.value", field.get("value"), 1, 1024)
            total += len(str(field.get("name"))) + len(str(field.get("value")))
        for place, text, most in texts:
            if text is not None:
                form.length(place, text, 0, most)
                total += len(str(text))
    if total > 6000:
        told = "Embed size exceeds maximum size of 6000"
        form.wrong(f"{path}embeds", "MAX_EMBED_SIZE_EXCEEDED", told)


def _check_v2(form: Form, components: list[Json], path: str) -> None:
    everything = list(components_in(components))
    if len(everything) > 40:
        form.wrong(path, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "At most 40 components.")
    if sum(len(c.get("content") or "") for c in everything) > 4000:
        told = "The total length of displayable text must be 4000 or fewer."
        form.wrong(path, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", told)
    for number, component in enumerate(components):
        if component.get("type") not in _V2_TOP:
            told = f'Value of field "type" must be one of {_V2_TOP}.'
            form.wrong(f"{path}.{number}.type", "UNION_TYPE_CHOICES", told)


def _check_components(form: Form, components: list[Json], path: str) -> None:
    seen: set[str] = set()
    for number, component in enumerate(components_in(components)):
        here = f"{path}.{number}"
        kind = component.get("type")
        custom_id = component.get("custom_id")
        if kind not in set(Component):
            form.wrong(f"{here}.type", "UNION_TYPE_CHOICES", f"There is no component {kind}.")
        elif kind == Component.ACTION_ROW:
            _check_row(form, component.get("components") or [], here)
        elif kind == Component.BUTTON:
            _check_button(form, component, here)
        elif kind in SELECTS or kind == Component.TEXT_INPUT:
            form.length(f"{here}.custom_id", custom_id, 1, 100)
            form.at_most(f"{here}.options", component.get("options") or [], 25)
        if custom_id is not None and custom_id in seen:
            told = "Component custom id cannot be duplicated"
            form.wrong(f"{here}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", told)
        if custom_id is not None:
            seen.add(custom_id)


def _check_row(form: Form, inside: list[Json], path: str) -> None:
    most = 5 if all(c.get("type") == Component.BUTTON for c in inside) else 1
    if not 1 <= len(inside) <= most:
        told = f"Must be between 1 and {most} in length."
        form.wrong(f"{path}.components", "BASE_TYPE_BAD_LENGTH", told)


def _check_button(form: Form, button: Json, path: str) -> None:
    style = button.get("style")
    if style not in range(1, 7):
        form.wrong(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5, 6).")
    if button.get("label") is not None:
        form.length(f"{path}.label", button["label"], 0, 80)
    if not button.get("label") and not button.get("emoji") and style != _PREMIUM:
        told = "A button needs a label or an emoji."
        form.wrong(path, "BUTTON_COMPONENT_INVALID", told)
    if style == _LINK:
        form.length(f"{path}.url", button.get("url"), 1, 512)
        if button.get("custom_id") is not None:
            told = "A link button cannot have a custom id"
            form.wrong(path, "BUTTON_COMPONENT_INVALID", told)
    elif style != _PREMIUM:
        form.length(f"{path}.custom_id", button.get("custom_id"), 1, 100)
