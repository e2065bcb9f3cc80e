"""Made-up editions of the five works: random prose between the words the real ones are known by."""

from __future__ import annotations

import random
from pathlib import Path

from training.data.works import WORKS, Work

WORDS = (
    "casa camino noche día señor señora amigo mano ojos corazón pueblo calle puerta ventana mesa "
    "libro carta palabra silencio tarde mañana sombra árbol río monte caballo mujer hombre niño "
    "padre madre hermano viejo triste alegre blanco negro grande pequeño hermoso oscuro lento "
    "vino dijo miró pensó quiso llegó salió entró habló calló con sin sobre bajo entre hasta desde"
).split()

# Part by part: the words it begins with, words that prove the work, the words after its end.
FRAMES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "quijote": (
        (
            "Yo, Juan Gallo de Andrada, escribano de Cámara.",
            "En un lugar de la Mancha. Pensó en Dulcinea del Toboso.",
            "Segunda parte del ingenioso caballero",
        ),
        ("Yo, Hernando de Vallejo, escribano.", "Habló el bachiller Sansón Carrasco.", "Fin"),
    ),
    "lazarillo": (
        ("Yo por bien tengo que cosas tan señaladas.", "Me llaman Lázaro de Tormes.", "FIN"),
    ),
    "marianela": (
        ("Se puso el sol. Tras el breve crepúsculo.", "Llegó Teodoro Golfín.", "FIN DE MARIANELA"),
    ),
    "arbol": (
        (
            "SERÍAN las diez de la mañana de un día de octubre.",
            "Entró Andrés Hurtado.",
            "FIN",
        ),
    ),
    "regenta": (
        (
            "Creo que fue Wieland quien lo dijo.",
            "La heroica ciudad dormía la siesta. Salió Ana Ozores.",
            "FIN DE LA NOVELA",
        ),
    ),
}
HEADER = "The Project Gutenberg EBook\n\n*** START OF THIS PROJECT GUTENBERG EBOOK X ***\n\n"
FOOTER = "\n\nEnd of Project Gutenberg\n*** END OF THIS PROJECT GUTENBERG EBOOK X ***\nlicence\n"


def sentence(choice: random.Random) -> str:
    """Five to fourteen words."""
    words = choice.choices(WORDS, k=choice.randint(5, 14))
    return " ".join(words).capitalize() + choice.choice("....!?")


def prose(seed: str, characters: int) -> str:
    """At least the given number of characters, in short paragraphs divided by blank lines."""
    choice = random.Random(seed)  # noqa: S311
    paragraphs: list[str] = []
    while sum(map(len, paragraphs)) < characters:
        paragraphs.append(" ".join(sentence(choice) for _ in range(choice.randint(2, 6))))
    return "\n\n".join(paragraphs)


def edition(work: Work, characters: int = 52_000) -> str:
    """A whole file as Project Gutenberg might publish it; `characters` in each part."""
    parts = [
        f"{first} {proof}\n\n{prose(first, characters)}\n\n{last}"
        for first, proof, last in FRAMES[work.key]
    ]
    return HEADER + "\n\n".join(parts) + FOOTER


def write_editions(folder: Path) -> Path:
    """All five, as the download would leave them; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for work in WORKS:
        (folder / work.file_name).write_text(edition(work), "utf-8")
    return folder
