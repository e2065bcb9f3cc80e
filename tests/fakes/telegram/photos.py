"""Validation of photos (https://core.telegram.org/bots/api#sendphoto)."""

from __future__ import annotations

import io
from typing import Any

from aiohttp.web_request import FileField
from PIL import Image, UnidentifiedImageError

from tests.fakes.telegram.errors import bad_request
from tests.fakes.telegram.messages import Photo

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS, MOST_RATIO = 10_000, 20


def photo_of(given: Any) -> Photo:
    """The uploaded photo. Raises ApiError for an invalid or too large one."""
    if not isinstance(given, FileField):
        raise bad_request("there is no photo in the request")
    data = given.file.read()
    if len(data) > MOST_BYTES:
        told = f"file of size {len(data)} bytes is too big for a photo; the maximum size is"
        raise bad_request(f"{told} {MOST_BYTES} bytes")
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
    except UnidentifiedImageError:
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    if width + height > MOST_PIXELS or max(width, height) > MOST_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return Photo(data, width, height)
