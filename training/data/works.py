"""The five works of the reference data set and how to find their prose in any edition.

Editions differ in encoding, licence header, title pages and spelling, so a work is known by
sentences that every edition of it holds (`fingerprints`), and its prose lies between its first
and last words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One continuous stretch of prose: it starts at `first` and stops before `last`."""

    name: str
    first: re.Pattern[str]
    last: re.Pattern[str]


@dataclass(frozen=True)
class Work:
    """One book of Project Gutenberg, `number` there."""

    key: str
    author: str
    title: str
    style: str
    number: int
    fingerprints: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def file_name(self) -> str:
        """The file name of the download."""
        return f"pg{self.number}.txt"


def _part(name: str, first: str, last: str) -> Part:
    return Part(name, re.compile(first, re.MULTILINE), re.compile(last, re.MULTILINE))


WORKS = (
    Work(
        "quijote",
        "Miguel de Cervantes",
        "Don Quijote",
        "cervantes",
        2000,
        ("En un lugar de la Mancha", "Dulcinea del Toboso", "bachiller Sansón Carrasco"),
        (
            _part("quijote-1", r"^Yo, Juan Gallo de Andrada", r"^Segunda parte del ingenioso cab"),
            _part("quijote-2", r"^Yo,? Hernando de Vallejo", r"^\s*(Fin|FIN)\.?\s*$"),
        ),
    ),
    Work(
        "lazarillo",
        "Anónimo",
        "La vida de Lazarillo de Tormes",
        "anonimo",
        320,
        ("Yo por bien tengo que cosas tan señaladas", "Lázaro de Tormes"),
        (_part("lazarillo", r"^Yo por bien tengo", r"^\s*(Fin|FIN)\.?\s*$"),),
    ),
    Work(
        "marianela",
        "Benito Pérez Galdós",
        "Marianela",
        "galdos",
        17340,
        ("Se puso el sol. Tras el breve crepúsculo", "Teodoro Golfín"),
        (_part("marianela", r"^Se puso el sol", r"^\s*FIN DE .?MARIANELA"),),
    ),
    Work(
        "arbol",
        "Pío Baroja",
        "El árbol de la ciencia",
        "baroja",
        60464,
        ("las diez de la mañana de un día de octubre", "Andrés Hurtado"),
        (_part("arbol", r"^S(ERÍAN|erían) las diez de la mañana", r"^\s*(Fin|FIN)\.?\s*$"),),
    ),
    Work(
        "regenta",
        "Leopoldo Alas «Clarín»",
        "La Regenta",
        "clarin",
        17073,
        ("La heroica ciudad dormía la siesta", "Ana Ozores"),
        (_part("regenta", r"^Creo que fue Wieland", r"^\s*FIN DE LA NOVELA"),),
    ),
)

REFERENCE_PARTS = frozenset({"quijote-1", "lazarillo", "marianela", "arbol", "regenta"})

# CoNSSA names its authors by surname; these are the styles that requesters type.
CONSSA_STYLES = {
    "Galdos": "galdos",
    "Clarin": "clarin",
    "Bazan": "pardobazan",
    "Valdes": "palaciovaldes",
    "Valle": "valleinclan",
    "Dario": "dario",
    "AMachado": "machado",
    "RdCastro": "rosaliadecastro",
    "Miro": "miro",
    "BlascoIbanez": "blascoibanez",
}
# Died after 1955: not in the public domain everywhere, so never in anything that is released.
CONSSA_EXCLUDED_AUTHORS = frozenset({"Zamacois", "Barga", "Azorin"})
# La Regenta again, half of the validation text; and a novel that the scanner could hardly read.
CONSSA_EXCLUDED_IDS = frozenset({"ne0325", "ne0326", "ne0398"})
LATEST_AUTHOR_DEATH = 1955


def conssa_style(author: str) -> str:
    """The style token's name for an author of CoNSSA."""
    return CONSSA_STYLES.get(author, author.lower())
