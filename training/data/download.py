"""Downloads of the corpus: the five works from Project Gutenberg, CoNSSA from GitHub.

A file gets its final name only when it is complete and verified to be the expected work. Existing
files are verified and kept.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bar

from training.data import conssa
from training.data.cleaning import CorpusError, clean_work
from training.data.fetch import NotThereError, Patience, Progress, fetch, make_client
from training.data.works import WORKS, Work

GUTENBERG = "https://www.gutenberg.org"
CONSSA = "https://codeload.github.com/cligs/conssa/tar.gz/refs/heads/master"
# Tried in this order: the current UTF-8 edition, then the older ones, as the site has them and then
# as its mirrors do, with a folder for each digit but the last
# (https://www.gutenberg.org/help/mirroring.html).
EDITIONS = (
    "{base}/cache/epub/{number}/pg{number}.txt",
    "{base}/files/{number}/{number}-0.txt",
    "{base}/files/{number}/{number}-8.txt",
    "{base}/{digits}/{number}/{number}-0.txt",
    "{base}/{digits}/{number}/{number}-8.txt",
    "{base}/{digits}/{number}/{number}.txt",
)

_LARGEST_WORK = 32 * 2**20
_LARGEST_ARCHIVE = 4 * 2**30
# The archive's other files (XML, features) are some gigabytes and are passed over.
_LARGEST_UNPACKED = 32 * 2**30
_LARGEST_TEXT = 16 * 2**20
_LARGEST_TEXTS = 512 * 2**20
# Not conssa.tar*, which the corpus builder would take for the novels themselves.
_ARCHIVE = "cligs-conssa.tar.gz.part"
_TEXT_NAME = re.compile(r"ne\d{4}\.txt")


@dataclass(frozen=True)
class Downloader:
    """Downloads into `folder`, and reports each piece to `say` in a sentence."""

    folder: Path
    say: Callable[[str], None]
    patience: Patience = field(default_factory=Patience)

    def works(self, base: str = GUTENBERG) -> None:
        """Fetch the five works from Project Gutenberg or a mirror that is laid out like it.

        Raises DownloadError where one cannot be had, CorpusError where all that is offered for one
        is something else.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for work in WORKS:
            path = self.folder / work.file_name
            if _is_work(work, path):
                self.say(f"«{work.title}» is there already")
                continue
            self._work(work, path, base.rstrip("/"))
            self.say(f"«{work.title}» downloaded")

    def conssa(self, url: str = CONSSA) -> None:
        """Fetch the texts and the table of CoNSSA from an archive of its repository.

        Raises DownloadError where it cannot be had and CorpusError where it is something else.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / conssa.FOLDER
        if target.is_dir():  # it gets its name when it is whole
            self.say("CoNSSA is there already")
            return
        self._fetch(
            url,
            self.folder / _ARCHIVE,
            "CoNSSA",
            lambda archive: unpack_conssa(archive, target),
            _LARGEST_ARCHIVE,
        )
        self.say("CoNSSA downloaded")

    def _work(self, work: Work, path: Path, base: str) -> None:
        """Fetch the first edition that is there and is the work."""
        part = path.with_name(path.name + ".part")
        failures: list[NotThereError | CorpusError] = []
        for template in EDITIONS:
            url = edition_url(template, base, work.number)
            try:
                self._fetch(url, part, work.title, _accept_work(work, url, path), _LARGEST_WORK)
                return
            except (NotThereError, CorpusError) as failure:
                failures.append(failure)
        # A wrong file tells more than a missing one.
        wrong = [failure for failure in failures if isinstance(failure, CorpusError)]
        shown = (wrong or failures)[0]
        raise type(shown)(
            f"{shown}; «{work.title}» was not downloaded, name another mirror with --gutenberg-base"
        )

    def _fetch(
        self, url: str, part: Path, title: str, accept: Callable[[Path], None], limit: int
    ) -> None:
        with make_client(self.patience) as client, _bar(title) as progress:
            fetch(
                client,
                url,
                part,
                accept,
                limit=limit,
                patience=self.patience,
                progress=progress,
            )


def edition_url(template: str, base: str, number: int) -> str:
    """Where an edition of a work lies; number 2000 is below 2/0/0, and 5 below 0."""
    digits = "/".join(str(number)[:-1]) or "0"
    return template.format(base=base, number=number, digits=digits)


def unpack_conssa(archive: Path, target: Path) -> None:
    """Unpack the texts and the table of CoNSSA, and nothing else, into a new folder `target`.

    Members are known by the last part of their name alone and written under it, so none reaches
    another place. Raises CorpusError where the archive is damaged or is something else, and then
    leaves nothing behind.
    """
    fresh = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        (fresh / "txt").mkdir(parents=True)
        _unpack(archive, fresh)
        _check_conssa(fresh)
        fresh.replace(target)
    except conssa.ARCHIVE_ERRORS as error:
        raise CorpusError(
            f"the archive of CoNSSA is damaged ({error}); download it again"
        ) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _unpack(archive: Path, folder: Path) -> None:
    written = 0
    with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as members:
        for member in members:
            if member.offset > _LARGEST_UNPACKED:
                raise CorpusError("the archive of CoNSSA unpacks to more than it should hold")
            place = _place(member)
            content = members.extractfile(member) if place is not None else None
            if content is None or place is None:
                continue
            written += member.size
            if member.size > _LARGEST_TEXT or written > _LARGEST_TEXTS:
                raise CorpusError(f"the archive of CoNSSA holds {member.name}, which is too long")
            with (folder / place).open("wb") as file:
                shutil.copyfileobj(content, file)
        while stream.read(2**20):  # to the end, where the checksum is
            pass


def _place(member: tarfile.TarInfo) -> str | None:
    """Where a member belongs below conssa/, None where it is not wanted."""
    path = PurePosixPath(member.name)
    if not member.isreg() or ".." in path.parts:
        return None
    if path.name in conssa.TABLE_NAMES:
        return path.name
    if path.parent.name == "txt" and _TEXT_NAME.fullmatch(path.name):
        return f"txt/{path.name}"
    return None


def _check_conssa(folder: Path) -> None:
    """Raise CorpusError unless there is a table, and a text for some novel that it names."""
    tables = {path.name: path.read_bytes() for path in folder.glob("metadata.*")}
    table = conssa.read_table(tables, "the archive that was downloaded")
    if not any((folder / "txt" / f"{novel.id}.txt").is_file() for novel in table.novels):
        raise CorpusError("the archive that was downloaded holds no text of CoNSSA")


def _is_work(work: Work, path: Path) -> bool:
    """Whether the file exists and is the work; any other file is downloaded again."""
    try:
        clean_work(work, path.read_bytes())
    except (FileNotFoundError, CorpusError):
        return False
    return True


def _accept_work(work: Work, url: str, path: Path) -> Callable[[Path], None]:
    """A function that gives a downloaded file its name if the corpus can be built from it."""

    def accept(part: Path) -> None:
        try:
            clean_work(work, part.read_bytes())
        except CorpusError as error:
            raise CorpusError(f"{url}: {error}") from None
        part.replace(path)

    return accept


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    """A progress bar on the terminal's error stream, as what `fetch` reports to."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Bar(TextColumn("{task.description}"), *columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
