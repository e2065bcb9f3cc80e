"""Downloads against a real server on the loopback interface."""

from __future__ import annotations

import gzip
import io
import socket
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from model.errors import LitteraError
from tests.training.editions import edition
from tests.training.site import Site, serving
from training.data.cleaning import CorpusError
from training.data.conssa import novels
from training.data.corpus import find_work
from training.data.download import Downloader, edition_url, unpack_conssa
from training.data.fetch import DownloadError, Patience, fetch, make_client
from training.data.works import WORKS

HASTY = Patience(attempts=3, pause=0.001, timeout=5.0)
CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as served:
        yield served


@pytest.fixture
def library(site: Site) -> Site:
    """A site laid out like Project Gutenberg."""
    for work in WORKS:
        site.files[f"/cache/epub/{work.number}/pg{work.number}.txt"] = edition(work).encode()
    return site


def get(site: Site, folder: Path, accept: Callable[[Path], None] | None = None) -> bytes:
    """Fetch /file with the resumable downloader and return the accepted bytes."""
    accepted: list[bytes] = []
    with make_client(HASTY) as client:
        fetch(
            client,
            f"{site.base}/file",
            folder / "file.part",
            accept or (lambda part: accepted.append(part.read_bytes())),
            limit=2 * len(CONTENT),
            patience=HASTY,
            progress=lambda done, total: None,
        )
    return accepted[0] if accepted else b""


def begin(site: Site, folder: Path, size: int) -> None:
    """Leave the first `size` bytes behind, as an interrupted command would."""
    site.cuts = [size, 0, 0, 0, 0]
    with pytest.raises(DownloadError, match="cannot be downloaded now"):
        get(site, folder)
    assert (folder / "file.part").stat().st_size == size
    site.cuts.clear()
    site.requests.clear()


def test_a_file_arrives_whole(site: Site, tmp_path: Path) -> None:
    site.files["/file"] = CONTENT
    assert get(site, tmp_path) == CONTENT
    assert list(tmp_path.iterdir()) == []


def test_a_broken_connection_is_continued_where_it_broke(site: Site, tmp_path: Path) -> None:
    site.files["/file"] = CONTENT
    site.cuts = [1000, 500, 250]
    assert get(site, tmp_path) == CONTENT
    asked = [wanted for _, wanted in site.requests]
    assert asked == [None, "bytes=1000-", "bytes=1500-", "bytes=1750-"]


def test_later_call_resumes_an_earlier_part(site: Site, tmp_path: Path) -> None:
    site.files["/file"] = CONTENT
    begin(site, tmp_path, 70_000)
    assert get(site, tmp_path) == CONTENT
    assert site.requests == [("/file", "bytes=70000-")]


def test_a_server_that_ignores_ranges_sends_it_from_the_start(site: Site, tmp_path: Path) -> None:
    site.files["/file"] = CONTENT
    begin(site, tmp_path, 70_000)
    site.ranges = False
    assert get(site, tmp_path) == CONTENT


def test_changed_file_is_not_joined_to_the_old_part(site: Site, tmp_path: Path) -> None:
    site.files["/file"] = CONTENT
    begin(site, tmp_path, 70_000)
    site.files["/file"] = CONTENT[::-1]
    assert get(site, tmp_path) == CONTENT[::-1]


def test_without_a_validator_nothing_is_continued(site: Site, tmp_path: Path) -> None:
    site.files["/file"], site.tagged = CONTENT, False
    site.cuts = [1000]
    assert get(site, tmp_path) == CONTENT
    assert [wanted for _, wanted in site.requests] == [None, None]


def test_complete_part_is_accepted(site: Site, tmp_path: Path) -> None:
    site.files["/file"] = CONTENT

    def full_disk(part: Path) -> None:
        raise OSError("no space to unpack it")

    with pytest.raises(OSError, match="no space"):
        get(site, tmp_path, full_disk)
    site.requests.clear()
    assert get(site, tmp_path) == CONTENT
    assert site.requests == [("/file", f"bytes={len(CONTENT)}-")]


def test_busy_server_is_retried_a_limited_number_of_times(site: Site, tmp_path: Path) -> None:
    site.files["/file"] = CONTENT
    site.statuses = [503, 429]
    assert get(site, tmp_path) == CONTENT
    site.statuses, site.requests = [503] * 99, []
    with pytest.raises(DownloadError, match="answered 503"):
        get(site, tmp_path)
    assert len(site.requests) == HASTY.attempts


def test_oversized_file_is_refused(site: Site, tmp_path: Path) -> None:
    site.files["/file"], site.announced = CONTENT * 3, False
    with pytest.raises(DownloadError, match="longer than"):
        get(site, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["ftp://x/y", "nowhere", "http://[", "http://x:port/"])
def test_invalid_address_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"address|cannot be downloaded"):
        Downloader(tmp_path, print, HASTY).conssa(address)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_unrequested_compression_is_unpacked(encoding: str, site: Site, tmp_path: Path) -> None:
    site.files["/file"], site.encoding = CONTENT, encoding
    site.cuts = [1000, 2000]  # nothing of it can be continued, so it begins again
    assert get(site, tmp_path) == CONTENT
    assert [wanted for _, wanted in site.requests] == [None] * 3


def test_oversized_decompression_is_refused(site: Site, tmp_path: Path) -> None:
    site.files["/file"], site.encoding = CONTENT * 3, "gzip"
    with pytest.raises(DownloadError, match="longer than"):
        get(site, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_edition_in_unknown_compression_falls_back_to_another(site: Site, tmp_path: Path) -> None:
    site.encoding, site.uncompressed = "compress", "-8.txt"
    for work in WORKS:
        content = edition(work).encode()
        site.files[f"/cache/epub/{work.number}/pg{work.number}.txt"] = content
        site.files[f"/files/{work.number}/{work.number}-8.txt"] = content
    Downloader(tmp_path, print, HASTY).works(site.base)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(w.file_name for w in WORKS)


@pytest.mark.parametrize("ending", ["-0.txt", "-8.txt", ".txt"])
def test_a_mirror_has_a_folder_for_each_digit(ending: str, site: Site, tmp_path: Path) -> None:
    for work in WORKS:
        folder = "/".join(str(work.number)[:-1])
        site.files[f"/{folder}/{work.number}/{work.number}{ending}"] = edition(work).encode()
    Downloader(tmp_path, print, HASTY).works(site.base)
    for work in WORKS:
        assert find_work(work, tmp_path) == edition(work).encode()


def test_the_folders_of_a_mirror() -> None:
    template = "{base}/{digits}/{number}"
    for number, folder in (
        (2000, "2/0/0/2000"),
        (12, "1/12"),
        (5, "0/5"),
        (49836, "4/9/8/3/49836"),
    ):
        assert edition_url(template, "b", number) == f"b/{folder}"


def test_the_five_works_are_downloaded_once(library: Site, tmp_path: Path) -> None:
    said: list[str] = []
    Downloader(tmp_path, said.append, HASTY).works(library.base + "/")
    for work in WORKS:
        assert find_work(work, tmp_path) == edition(work).encode()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(w.file_name for w in WORKS)
    library.requests.clear()
    Downloader(tmp_path, said.append, HASTY).works(library.base)
    assert library.requests == []
    assert said[-1] == "«La Regenta» is there already"


def test_existing_file_of_another_work_is_replaced(library: Site, tmp_path: Path) -> None:
    (tmp_path / "pg320.txt").write_text(edition(WORKS[0]), "utf-8")
    Downloader(tmp_path, print, HASTY).works(library.base)
    assert (tmp_path / "pg320.txt").read_bytes() == edition(WORKS[1]).encode()


def test_an_older_edition_is_taken_where_the_newest_is_missing(
    library: Site, tmp_path: Path
) -> None:
    newest = library.files.pop("/cache/epub/2000/pg2000.txt")
    library.files["/files/2000/2000-8.txt"] = newest.decode().encode("latin-1")
    Downloader(tmp_path, print, HASTY).works(library.base)
    assert library.paths[:3] == [
        "/cache/epub/2000/pg2000.txt",
        "/files/2000/2000-0.txt",
        "/files/2000/2000-8.txt",
    ]
    assert (tmp_path / "pg2000.txt").read_bytes() == newest.decode().encode("latin-1")


def test_a_wrong_work_is_refused_and_leaves_nothing(library: Site, tmp_path: Path) -> None:
    library.files["/cache/epub/2000/pg2000.txt"] = edition(WORKS[1]).encode()
    with pytest.raises(CorpusError, match=r"not «Don Quijote».*--gutenberg-base"):
        Downloader(tmp_path, print, HASTY).works(library.base)
    assert list(tmp_path.iterdir()) == []


def test_the_real_texts_pass_through_the_download(
    site: Site, tmp_path: Path, real_texts: Path
) -> None:
    for work in WORKS:
        site.files[f"/files/{work.number}/{work.number}-8.txt"] = find_work(work, real_texts)
    site.cuts = [100_000]
    Downloader(tmp_path, print, HASTY).works(site.base)
    for work in WORKS:
        assert find_work(work, tmp_path) == find_work(work, real_texts)


def test_unreachable_server_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = closed.getsockname()[1]
        with pytest.raises(DownloadError, match=r"check the connection and run the command again"):
            Downloader(tmp_path, print, HASTY).works(f"http://127.0.0.1:{port}")


def archive(members: dict[str, bytes]) -> bytes:
    """A repository archive as GitHub packs it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


# The columns that matter of the repository's own table; it names novels that are not published.
TABLE = (
    "\tidno\tauthor.name\ttitle\tyear\tavailability\tauthor.date.death\n"
    "ne0002\tne0002\tGaldos\tMisericordia\t1889\tfree\t1920\n"
    "ne0003\tne0003\tGaldos\tNazarin\t1895\trestricted\t1920.0\n"
    "ne0001\tne0001\tBaroja\tMayorazgo\t1903\tfree\t1956\n"
    "ne0008\tne0008\tZamacois\tEnferma\t1896\tfree\t1971\n"
    "ne0009\tne0009\tNadie\tNada\t1896\tfree\t\n"
)
NOVEL = "\n\t\nDos caras, como algunas personas, tiene la parroquia.\n\t\n-¿Y qué? -dijo él.\n"
REPOSITORY = {
    "conssa-master/README.md": b"# CoNSSA",
    "conssa-master/metadata/metadata.tsv": TABLE.encode(),
    "conssa-master/master/txt/ne0001.txt": NOVEL.encode(),
    "conssa-master/master/txt/ne0002.txt": NOVEL.encode(),
    "conssa-master/master/txt/ne0008.txt": NOVEL.encode(),
    "conssa-master/master/txt/ne0009.txt": NOVEL.encode(),
    "conssa-master/master/master/ne0002.xml": b"<TEI/>",
}


def test_the_real_editions_are_fetched_whole_through_a_bad_line(
    site: Site, tmp_path: Path, real_texts: Path
) -> None:
    originals = {}
    for work in WORKS:
        for path in (real_texts / "gutenberg").glob(f"{work.number}-*.txt"):
            originals[work.file_name] = path.read_bytes()
            site.files[f"/files/{work.number}/{path.name}"] = originals[work.file_name]
    site.cuts = [100_000, 50_000]
    Downloader(tmp_path, print, HASTY).works(site.base)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == originals
    assert any(wanted == "bytes=100000-" for _, wanted in site.requests)


def test_conssa_is_unpacked_and_read(site: Site, tmp_path: Path) -> None:
    site.files["/conssa"] = archive(REPOSITORY)
    site.ranges, site.cuts = False, [200]
    Downloader(tmp_path, print, HASTY).conssa(f"{site.base}/conssa")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "metadata.tsv",
        "ne0001.txt",
        "ne0002.txt",
        "ne0008.txt",
        "ne0009.txt",
    ]
    prose = "Dos caras, como algunas personas, tiene la parroquia. —¿Y qué? —dijo él."
    assert list(novels(tmp_path)) == [("conssa-ne0002", "galdos", prose)]
    site.requests.clear()
    Downloader(tmp_path, print, HASTY).conssa(f"{site.base}/conssa")
    assert site.requests == []


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("metadata for all texts/metadata.csv", TABLE.replace("\t", ",")),
        ("metadata.tsv", "id\tauthor\tauthor_death\nne0002\tGaldos\t1920\n"),
    ],
)
def test_every_layout_of_the_table_is_read(name: str, table: str, tmp_path: Path) -> None:
    members = {"r/txt/ne0002.txt": NOVEL.encode(), f"r/{name}": table.encode()}
    (tmp_path / "packed").write_bytes(archive(members))
    unpack_conssa(tmp_path / "packed", tmp_path / "conssa")
    assert [novel for novel, _, _ in novels(tmp_path)] == ["conssa-ne0002"]


def test_no_member_of_an_archive_leaves_its_folder(tmp_path: Path) -> None:
    members = {
        **REPOSITORY,
        "../../txt/ne0500.txt": b"out",
        "/txt/ne0501.txt": NOVEL.encode(),
        "conssa-master/../../evil.txt": b"out",
        "conssa-master/txt/../ne0502.txt": b"out",
    }
    (tmp_path / "packed").write_bytes(archive(members))
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    unpack_conssa(tmp_path / "packed", inner / "conssa")
    found = {path.relative_to(inner).as_posix() for path in inner.rglob("*") if path.is_file()}
    assert "conssa/txt/ne0501.txt" in found  # only its own name counts
    assert not any("0500" in name or "0502" in name or "evil" in name for name in found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "packed"]


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    packed = io.BytesIO(gzip.decompress(archive(REPOSITORY)))
    with tarfile.open(fileobj=packed, mode="a") as tar:
        link = tarfile.TarInfo("r/txt/ne0600.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    (tmp_path / "packed").write_bytes(gzip.compress(packed.getvalue()))
    unpack_conssa(tmp_path / "packed", tmp_path / "conssa")
    assert not (tmp_path / "conssa" / "txt" / "ne0600.txt").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"<html>please sign in</html>",
        archive({"r/README.md": b"x"}),
        archive({"r/metadata.tsv": TABLE.encode()}),
        archive({"r/metadata.tsv": b"a\tb\n", "r/txt/ne0002.txt": b"x"}),
        archive(REPOSITORY)[:-6],
    ],
    ids=["a page", "no table", "no texts", "another table", "cut off"],
)
def test_foreign_archive_is_refused_without_traces(
    content: bytes, site: Site, tmp_path: Path
) -> None:
    site.files["/conssa"] = content
    with pytest.raises(LitteraError):
        Downloader(tmp_path, print, HASTY).conssa(f"{site.base}/conssa")
    assert list(tmp_path.iterdir()) == []


def test_the_command_downloads_everything(
    library: Site, tmp_path: Path, run: Callable[..., Result]
) -> None:
    library.files["/conssa"] = archive(REPOSITORY)
    result = run(
        *("corpus", "download", "--to", tmp_path, "--gutenberg-base", library.base),
        *("--conssa-url", f"{library.base}/conssa"),
    )
    assert result.exit_code == 0, result.output
    assert f"everything is in {tmp_path}" in result.stdout
    assert (tmp_path / "conssa" / "txt" / "ne0002.txt").is_file()


def test_command_fails_in_one_sentence(
    site: Site, tmp_path: Path, refused: Callable[..., str]
) -> None:
    sentence = refused("corpus", "download", "--to", tmp_path, "--gutenberg-base", site.base)
    assert "answered 404" in sentence
    assert "--gutenberg-base" in sentence
