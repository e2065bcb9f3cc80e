"""CoNSSA, the Corpus of Novels of the Spanish Silver Age (J. Calvo Tello, 2021): which novels may
be used, and where their text is.

Its table of novels comes in two layouts: the repository's own (`metadata.tsv`, in older revisions
`metadata.csv`), which also names novels that are not published, and a short one that names only
the novels beside it.
"""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from training.data.cleaning import CorpusError, clean_conssa
from training.data.works import (
    CONSSA_EXCLUDED_AUTHORS,
    CONSSA_EXCLUDED_IDS,
    LATEST_AUTHOR_DEATH,
    conssa_style,
)

FOLDER = "conssa"
TABLE_NAMES = ("metadata.tsv", "metadata.csv")
# What reading a damaged or truncated archive may raise.
ARCHIVE_ERRORS = (tarfile.TarError, EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)

_YEAR = re.compile(r"\d{4}")


@dataclass(frozen=True)
class Novel:
    """A row of the table. `author_death` is a year, None where the table gives none."""

    id: str
    author: str
    author_death: int | None

    @property
    def usable(self) -> bool:
        """Whether it may be trained on and the result released; unknown dates may not."""
        return (
            self.id not in CONSSA_EXCLUDED_IDS
            and self.author not in CONSSA_EXCLUDED_AUTHORS
            and self.author_death is not None
            and self.author_death <= LATEST_AUTHOR_DEATH
        )


@dataclass(frozen=True)
class Table:
    """The novels in the table's order. `complete`: every one of them should have its text."""

    novels: tuple[Novel, ...]
    complete: bool

    @classmethod
    def parse(cls, raw: bytes) -> Table:
        """Read either layout; raises ValueError when it is neither."""
        text = raw.decode("utf-8-sig")
        first_line = text.partition("\n")[0]
        rows = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in first_line else ",")
        columns = set(rows.fieldnames or ())
        for complete, layout in (
            (True, ("id", "author", "author_death")),
            (False, ("idno", "author.name", "author.date.death")),
        ):
            if columns.issuperset(layout):
                return cls(
                    tuple(_novel(*(row[name] or "" for name in layout)) for row in rows), complete
                )
        raise ValueError("it has no columns id, author, author_death, or idno, author.name, …")


def _novel(identity: str, author: str, death: str) -> Novel:
    year = _YEAR.search(death)  # the repository writes 1920, 1920.0 or nothing
    return Novel(identity.strip(), author.strip(), int(year[0]) if year else None)


def novels(source: Path) -> Iterator[tuple[str, str, str]]:
    """(name, style, prose) of every novel below `source` that may be used and released.

    `source` holds a folder conssa/ or an archive conssa.tar.*; raises CorpusError otherwise.
    """
    files = _files(source)
    table = read_table(files, source)
    for novel in table.novels:
        if not novel.usable:
            continue
        raw = files.get(f"{novel.id}.txt")
        if raw is None and table.complete:
            raise CorpusError(f"{source}: conssa names {novel.id} but {novel.id}.txt is missing")
        if raw is not None:
            yield f"conssa-{novel.id}", conssa_style(novel.author), clean_conssa(raw)


def read_table(files: Mapping[str, bytes], source: object) -> Table:
    """The table among `files`; raises CorpusError naming `source` where there is none to use."""
    name = next((name for name in TABLE_NAMES if name in files), None)
    if name is None:
        raise CorpusError(f"{source}: conssa has no {' or '.join(TABLE_NAMES)}")
    try:
        return Table.parse(files[name])
    except (ValueError, csv.Error) as error:
        raise CorpusError(f"{source}: the table {name} of conssa cannot be read: {error}") from None


def is_wanted(path: PurePosixPath) -> bool:
    """Whether a file of CoNSSA is a text or the table."""
    return path.name in TABLE_NAMES or path.suffix == ".txt"


def _files(source: Path) -> dict[str, bytes]:
    """Name → bytes of the texts and the table, from a folder or from an archive of it."""
    folder = source / FOLDER
    if folder.is_dir():
        return {
            path.name: path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and is_wanted(PurePosixPath(path.name))
        }
    archives = sorted(source.glob(f"{FOLDER}.tar*"))
    if not archives:
        raise CorpusError(
            f"{source}: neither a folder {FOLDER}/ nor {FOLDER}.tar.xz; "
            "fetch it with 'litteragpt corpus download --conssa'"
        )
    try:
        return _archived(archives[0])
    except ARCHIVE_ERRORS as error:
        raise CorpusError(f"{archives[0]}: damaged or not an archive ({error})") from None


def _archived(archive: Path) -> dict[str, bytes]:
    files = {}
    with tarfile.open(archive) as members:
        for member in members:
            path = PurePosixPath(member.name)
            content = members.extractfile(member) if member.isfile() else None
            if content is not None and is_wanted(path):
                files[path.name] = content.read()
    return files
