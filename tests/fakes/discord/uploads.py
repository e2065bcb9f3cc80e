"""File uploads in multipart bodies.

https://docs.discord.com/developers/reference#uploading-files"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField

from tests.fakes.discord.snowflakes import snowflake
from tests.fakes.discord.strictness import Form, Json, Refusal

MOST_FILES = 10
MOST_BYTES = 10 * 1024 * 1024
# Key of a message's files in its parsed body.
UPLOADS = "uploads"
_FIELD = re.compile(r"files\[(\d+)\]")


@dataclass(frozen=True)
class File:
    """A file of a message."""

    filename: str
    content_type: str
    data: bytes
    description: str = ""
    id: str = field(default_factory=snowflake)

    def payload(self) -> Json:
        """The attachment object."""
        url = f"https://cdn.discordapp.com/attachments/1/{self.id}/{self.filename}"
        return {
            "id": self.id,
            "filename": self.filename,
            "description": self.description or None,
            "content_type": self.content_type,
            "size": len(self.data),
            "url": url,
            "proxy_url": url,
        }


async def body_of(request: web.Request) -> Any:
    """The JSON of a request. In a multipart body it is a part of its own; the files are inserted
    into the message that it contains."""
    if request.content_type != "multipart/form-data":
        return _parsed(await request.text())
    parts = await request.post()
    payload = parts.get("payload_json", "{}")
    # A part with a content type arrives as bytes.
    body = _parsed(bytes(payload).decode() if isinstance(payload, bytearray) else str(payload))
    files = _files(parts)
    if files:
        message = body["data"] if isinstance(body.get("data"), dict) else body
        message[UPLOADS] = files
    return body


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError:
        raise Refusal(400, 50109, "The request body contains invalid JSON.") from None


def _files(parts: Mapping[str, Any]) -> dict[str, File]:
    form, found = Form(), {}
    for name, part in parts.items():
        if name == "payload_json":
            continue
        match = _FIELD.fullmatch(name)
        if match is None or not isinstance(part, FileField):
            form.wrong(name, "BASE_TYPE_CHOICES", "Files are called files[n] and have a name.")
        else:
            found[match[1]] = File(part.filename, part.content_type, part.file.read())
    form.at_most("files", list(found), MOST_FILES)
    form.refuse()
    if sum(len(file.data) for file in found.values()) > MOST_BYTES:
        raise Refusal(413, 40005, "Request entity too large")
    return found


def check_attachments(form: Form, body: Json, path: str) -> None:
    """Validate the attachments of a body."""
    told = body.get("attachments") or []
    form.at_most(f"{path}attachments", told, MOST_FILES)
    for number, about in enumerate(told):
        here = f"{path}attachments.{number}"
        if not isinstance(about.get("id"), (int, str)):
            form.wrong(f"{here}.id", "BASE_TYPE_REQUIRED", "This field is required")
        if about.get("description") is not None:
            form.length(f"{here}.description", about["description"], 0, 1024)
        if about.get("filename") is not None:
            form.length(f"{here}.filename", about["filename"], 1, 1024)


def files_after(body: Json, before: list[File]) -> list[File]:
    """The files of a message after `body`: those in `attachments`, or all if it is absent.

    Raises Refusal for an unknown attachment."""
    uploads: dict[str, File] = body.get(UPLOADS, {})
    if "attachments" not in body:
        return [*before, *uploads.values()]
    form, files = Form(), []
    known = {file.id: file for file in before} | uploads
    for number, about in enumerate(body["attachments"] or []):
        file = known.get(str(about["id"]))
        if file is None:
            told = "There is no such file."
            form.wrong(f"attachments.{number}.id", "ATTACHMENT_NOT_FOUND", told)
            continue
        name, description = about.get("filename"), about.get("description")
        files.append(
            File(
                name or file.filename,
                file.content_type,
                file.data,
                description or file.description,
                file.id,
            )
        )
    form.refuse()
    return files
