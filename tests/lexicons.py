"""A lexicon of a few lines, built by the real command."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from model.checkpoint.lexicon import Lexicon, load_lexicon
from tests.conftest import save_tiny
from training.cli import app
from training.data.corpus import Paragraph, assembled

CERVANTES = (
    "Entonces Sancho no dijo palabra.",
    "Miró Sancho la casa de lejos, y no se acercó.",
    "Era de noche cuando Sancho se durmió junto al libro.",
    "Nunca vio Dulcinea la venta.",
    "Mucho quería a Dulcinea el caballero, y no lo decía.",
    "Decían que Dulcinea no se reía.",
)
GALDOS = (
    "Aquella tarde Nela no se movió.",
    "Junto a la fuente Nela se miraba en el agua.",
    "La pobre Nela no tenía zapatos, y no se quejaba.",
)
COPIED = "La tía Remedios guardaba en el arcón seis sábanas de hilo y una moneda de oro."
NOUNS = "el libro la casa los libros las casas el agua un problema la mano la mujer el mal a "
MORE = "de lo que muy bien perro ladra come pan tranquilo sobre todo cae lluvia tarde con mi"


def corpus_of_lines(folder: Path) -> Path:
    """Save a data set with two authors in `folder`."""
    cervantes = Paragraph("quijote-1", "cervantes", 0, (*CERVANTES, COPIED, f"{NOUNS * 20}{MORE}."))
    galdos = Paragraph("marianela", "galdos", 0, GALDOS)
    splits = {"train": [cervantes, galdos], "dev": [galdos], "validation": [galdos]}
    assembled("lines", ["cervantes", "galdos"], splits, 0).save(folder)
    return folder


def lexicon_of_lines(folder: Path) -> Lexicon:
    """The lexicon of a tiny checkpoint in `folder`, built from these lines."""
    checkpoint, data = save_tiny(folder / "tiny"), corpus_of_lines(folder / "data")
    done = CliRunner().invoke(app, ["lexicon", str(checkpoint), "--data", str(data)])
    assert done.exit_code == 0, done.output
    lexicon = load_lexicon(checkpoint)
    assert lexicon is not None
    return lexicon
