"""The operators' commands: `corpus`, `train` and `evaluate` (modules of their own), `samples`,
`drafts` and `lexicon`.

What takes long to import (torch, httpx) is imported inside the command that needs it, so that
`litteragpt --help` and all other commands start at once.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from training.arguments import DEFAULT_CHECKPOINT, default_cache, known
from training.evaluate import evaluate
from training.failures import fail, plain_failures, tell
from training.train import train, write_drafts, write_lexicon

if TYPE_CHECKING:
    from rich.status import Status

    from training.data.corpus import Corpus

app = typer.Typer(no_args_is_help=True)
corpus_app = typer.Typer(no_args_is_help=True, help="Fetch the texts and build data sets.")
# A help panel apart from the commands of readers and operators.
_PANEL = "Training (in English)"
app.add_typer(corpus_app, name="corpus", rich_help_panel=_PANEL)
app.command(rich_help_panel=_PANEL)(train)
app.command(rich_help_panel=_PANEL)(evaluate)

_SHOWN_LEAKS = 20


@corpus_app.command()
@plain_failures()
def download(
    to: Annotated[
        Path | None, typer.Option(help="Folder to keep the texts in.", show_default="user cache")
    ] = None,
    conssa: Annotated[
        bool, typer.Option(help="Also the novels of CoNSSA, which only 'all' is built from.")
    ] = True,
    gutenberg_base: Annotated[
        str | None, typer.Option(help="A mirror of Project Gutenberg.", show_default=False)
    ] = None,
    conssa_url: Annotated[
        str | None, typer.Option(help="Another address of CoNSSA's archive.", show_default=False)
    ] = None,
) -> None:
    """Fetch the five works from Project Gutenberg, and CoNSSA from GitHub.

    A download that was cut off goes on where it stopped when the command is run again.
    """
    from training.data.download import CONSSA, GUTENBERG, Downloader

    folder = to or default_cache()
    downloader = Downloader(folder, tell)
    downloader.works(gutenberg_base or GUTENBERG)
    if conssa:
        downloader.conssa(conssa_url or CONSSA)
    tell(f"everything is in {folder}")


@corpus_app.command()
@plain_failures()
def build(
    out: Annotated[Path, typer.Option(help="Folder to write the data set to.")],
    name: Annotated[
        str | None, typer.Argument(help="reference, five-works or all.", show_default="--text")
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="Folder of the texts.", show_default="the download cache")
    ] = None,
    text: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A text file of your own, instead of a name."),
    ] = None,
    author: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who wrote the text: the style's name.")
    ] = None,
) -> None:
    """Build a data set from the texts: cleaned, split into sentences, and divided."""
    if (name is None) == (not text):
        fail("name either a data set (reference, five-works, all) or --text FILE, and not both")
    if text:
        if author is None:
            fail("--text needs --author NAME, by which the style is asked for")
        if source is not None:
            fail("--source goes with a data set's name, not with --text")
        corpus = _build_own(text, author)
    elif name is not None:
        if author is not None:
            fail("--author goes with --text FILE, not with a data set's name")
        corpus = _build_named(name, source or default_cache())
    corpus.save(out)
    counts = corpus.facts["characters"]
    tell(
        f"{corpus.name} in {out}: {counts['train']:,} characters to train on, {counts['dev']:,} "
        f"for development, {counts['validation']:,} for validation; "
        f"{corpus.facts['sentences_removed_by_leakage_gate']} sentences removed by the leakage gate"
    )
    if corpus.own:
        following = ["--init", DEFAULT_CHECKPOINT, "--data", str(out), "--out", "RUN"]
        tell(f"go on with: {shlex.join(['litteragpt', 'train', *following])}")


def _build_named(name: str, folder: Path) -> Corpus:
    from training.data.corpus import CorpusName
    from training.data.corpus import build as build_corpus

    names: dict[str, CorpusName] = {each: each for each in get_args(CorpusName)}
    wanted = names[known(name, names, "data set")]
    if not folder.is_dir():
        fail(f"{folder}: no such folder; fetch the texts with 'litteragpt corpus download'")
    with _reading() as status:
        return build_corpus(wanted, folder, lambda work: status.update(f"{work} read"))


def _build_own(files: list[Path], author: str) -> Corpus:
    from training.data.own_author import build_own

    with _reading():
        return build_own(files, author)


def _reading() -> Status:
    from rich.console import Console

    return Console(stderr=True).status("reading")


@corpus_app.command()
@plain_failures()
def leakage(
    corpus_dir: Annotated[Path, typer.Argument(help="A built data set.")],
    against: Annotated[
        list[Path] | None,
        typer.Option(help="Also check this text file, or the .txt files of this folder."),
    ] = None,
) -> None:
    """Check that nothing to train on repeats 40 letters in a row of the validation text, or of the
    paragraphs that are held back.

    Prints what does, and leaves with exit code 1 if anything does.
    """
    from training.data.corpus import Corpus
    from training.data.leakage_report import find_leaks

    leaks = find_leaks(Corpus.load(corpus_dir), against or [])
    for leak in leaks[:_SHOWN_LEAKS]:
        tell(f"{leak.place}: {leak.letters}")
    if len(leaks) > _SHOWN_LEAKS:
        tell(f"and {len(leaks) - _SHOWN_LEAKS:,} more")
    if leaks:
        fail(f"text that is kept from training leaks in {len(leaks):,} places")
    tell("no run of 40 letters of the validation text or of what is held back leaks")


@app.command(rich_help_panel=_PANEL)
@plain_failures()
def drafts(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint's folder, or a bundled name.")],
    data: Annotated[Path, typer.Option(help="The built data set it was trained on.")],
) -> None:
    """Write the table of guesses that makes a checkpoint write faster; `train` does it itself."""
    from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint

    write_drafts(find_checkpoint(checkpoint, bundled_checkpoints()), data)


@app.command(rich_help_panel=_PANEL)
@plain_failures()
def lexicon(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint's folder, or a bundled name.")],
    data: Annotated[
        list[Path], typer.Option(help="A built data set it was trained on; may be repeated.")
    ],
    words: Annotated[
        list[Path] | None,
        typer.Option(help="Another data set whose words are known too; may be repeated."),
    ] = None,
    dictionary: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="A hunspell dictionary in UTF-8, less .aff and .dic: /usr/share/hunspell/es_ES.",
        ),
    ] = None,
) -> None:
    """Write the lexicon by which a checkpoint's sentences are judged; `train` does it itself."""
    from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint

    write_lexicon(find_checkpoint(checkpoint, bundled_checkpoints()), data, words or (), dictionary)


@app.command(rich_help_panel=_PANEL)
@plain_failures()
def samples(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint's folder, or a bundled name.")],
    phrase: Annotated[str, typer.Option(help="What all of them begin with.")] = "Una mañana",
    seed: Annotated[int, typer.Option(help="Of all of them.")] = 1,
) -> None:
    """Continue one phrase in the manner of each author, and put the texts into the model card."""
    from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint
    from model.runtime import choose_runtime
    from training.report.card import record_figures
    from training.report.samples import write_samples

    loaded = choose_runtime().load(find_checkpoint(checkpoint, bundled_checkpoints()))
    written = write_samples(loaded, phrase, seed)
    record_figures(loaded, samples=written)
    for text in written["texts"]:
        tell(f"{text['style'] or '-'}: {text['text']}")
