"""Tables in Markdown, and generated parts of a page between comments that a reader does not see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from model.files import write_text


class MarkError(Exception):
    """A page lacks the marks of a part, or has them twice."""


def header(names: Sequence[str]) -> Iterator[str]:
    """The first two lines of a table."""
    yield row(names)
    yield row("---" for _ in names)


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def filled(text: str, name: str, content: str) -> str:
    """`text` with the content of part `name` replaced.

    The opening mark may name the command that writes the part: `<!-- name: make tables -->`. Raises
    MarkError unless the marks are there exactly once.
    """
    begin, end = rf"<!-- {re.escape(name)}(?:: [^\n]+)? -->", f"<!-- end of {name} -->"
    parts = re.findall(f"({begin})(.*?){re.escape(end)}", text, re.DOTALL)
    if len(parts) != 1:
        raise MarkError(f"expected part {name!r} and {end} once, found them {len(parts)} times")
    mark, old = parts[0]
    return text.replace(mark + old + end, f"{mark}\n\n{content.strip()}\n\n{end}")


def write_part(page: Path, name: str, content: str) -> None:
    """Fill part `name` of a page, after adding its marks to the end of a page without them."""
    text = page.read_text("utf-8") if page.exists() else ""
    if f"<!-- end of {name} -->" not in text:
        text = f"{text.rstrip()}\n\n<!-- {name} -->\n<!-- end of {name} -->\n".lstrip()
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, filled(text, name, content))
