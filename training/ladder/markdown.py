"""Tables in Markdown, and parts of a page that are written anew in their place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from model.files import write_text


def header(names: Sequence[str]) -> Iterator[str]:
    """The first two lines of a table."""
    yield row(names)
    yield row("---" for _ in names)


def row(cells: Iterable[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def write_part(page: Path, name: str, content: str) -> None:
    """Put `content` between the marks of part `name` of a page; at its end where there are none."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = page.read_text("utf-8") if page.exists() else ""
    part = f"{begin}\n\n{content.strip()}\n\n{end}"
    marked = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if marked.search(text):
        text = marked.sub(lambda found: part, text)
    else:
        text = f"{text.rstrip()}\n\n{part}\n".lstrip()
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, text)
