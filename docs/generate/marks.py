"""Parts of a Markdown file that a program writes, between marks that a reader does not see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence


class MarkError(Exception):
    """A file lacks the marks of a part, or has them twice."""


def filled(text: str, part: str, content: str) -> str:
    """The text with what stands between the marks of `part` replaced. Raises MarkError."""
    begin = f"<!-- {part}: make tables -->\n"
    end = f"<!-- end of {part} -->"
    found = re.findall(re.escape(begin) + "(.*?)" + re.escape(end), text, re.DOTALL)
    if len(found) != 1:
        raise MarkError(f"expected {begin.strip()} and {end} once, found them {len(found)} times")
    return text.replace(begin + found[0] + end, f"{begin}\n{content}\n{end}")


def header(names: Sequence[str]) -> Iterator[str]:
    """The first two lines of a table."""
    yield row(names)
    yield row("---" for _ in names)


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"
