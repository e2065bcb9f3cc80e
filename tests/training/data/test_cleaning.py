"""What editions add is cut, what the author wrote stays."""

from __future__ import annotations

import pytest

from tests.training.editions import FOOTER, HEADER, edition
from training.data.cleaning import (
    CorpusError,
    check_fingerprints,
    clean_conssa,
    clean_prose,
    clean_work,
    strip_licence,
)
from training.data.works import WORKS, Work

MARIANELA = next(work for work in WORKS if work.key == "marianela")


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.key)
def test_encoding_line_ends_and_licence_make_no_difference(work: Work) -> None:
    text = edition(work)
    bare = text.removeprefix(HEADER).removesuffix(FOOTER)
    expected = clean_work(work, text.encode())
    assert set(expected) == {part.name for part in work.parts}
    for other in (
        text.encode("utf-8-sig"),
        text.encode("latin-1"),
        text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r\n").encode("latin-1"),
        bare.encode(),
        bare.encode("latin-1"),
    ):
        assert clean_work(work, other) == expected


def test_older_licence_lines_are_cut() -> None:
    text = (
        "Produced by\n*** START OF THE PROJECT GUTENBERG EBOOK MARIANELA ***\nSe puso el sol.\n"
        "End of the Project Gutenberg EBook of Marianela\nlicence"
    )
    assert strip_licence(text).strip() == "Se puso el sol."


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("Se puso\nel  sol.", "Se puso el sol."),
        ("Era _muy_ tarde y _no\nllegaba_.", "Era muy tarde y no llegaba."),
        ("Dijo[1] que sí[A].", "Dijo que sí."),
        ("[Illustration: La plaza\nmayor.]\n\nEra tarde.", "Era tarde."),
        ("[Ilustración]\n\nEra tarde.", "Era tarde."),
        ("Era tarde.\n\n[1] Así en el original.", "Era tarde."),
        ("--¡Ven!--dijo--. Pronto.", "—¡Ven!—dijo—. Pronto."),
        ("-¿Qué hora es? -dijo ella.", "—¿Qué hora es? —dijo ella."),
        ("- Ven -dijo-, pronto.", "- Ven —dijo—, pronto."),
        ("El ex-cura vive.", "El ex-cura vive."),
        ("“Ven”, dijo…", '"Ven", dijo...'),
        ("CAPÍTULO I\n\nEra tarde.", "Era tarde."),
        ("-XII-\n\nEra tarde.", "Era tarde."),
        ("Capítulo primero. Que trata de la condición\n\nEra tarde.", "Era tarde."),
        ("LA HEROICA CIUDAD\n\nEra tarde.", "Era tarde."),
        ("* * * * *\n\nEra tarde.", "Era tarde."),
        ("Los dos amigos\n\nEra tarde.", "Era tarde."),
        ("—Era tarde,\n\n—dijo ella.", "—Era tarde, —dijo ella."),
    ],
)
def test_printer_additions_are_undone(printed: str, read: str) -> None:
    assert clean_prose(printed) == read


def test_another_work_is_refused_with_its_title() -> None:
    with pytest.raises(CorpusError, match=r"not «Marianela» \(Project Gutenberg 17340\)"):
        check_fingerprints(MARIANELA, edition(WORKS[0]))


def test_a_fragment_of_a_work_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"«Marianela»: marianela has only \d+ characters"):
        clean_work(MARIANELA, edition(MARIANELA, characters=5_000).encode())


def test_a_work_whose_beginning_is_gone_is_refused() -> None:
    text = edition(MARIANELA).replace("\nSe puso el sol", "\n1. Se puso el sol")
    with pytest.raises(CorpusError, match="the beginning of marianela was not found"):
        clean_work(MARIANELA, text.encode())


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("su torre \nbarbiana\n, el cupulín", "su torre barbiana, el cupulín."),
        ("«\nDir \ntú no, \nAmri\n. Quedar", "«Dir tú no, Amri. Quedar."),
        ("-\nAmri\n... tirar no", "—Amri... tirar no."),
        ("el \nora pro nobis\n...", "el ora pro nobis....".replace("....", "...")),
        ("deudor ya de\nsiete camas\n, y no", "deudor ya de siete camas, y no."),
        ("el tío \nCaragòl\n—dijo", "el tío Caragòl —dijo."),
        ("Vete.\n—Muy bien.\n—Adiós.", "Vete. —Muy bien. —Adiós."),
        ("Los Ťrayos negrosť brillan", "Los «rayos negros» brillan."),
        ("Vete. Lo i|ue quiero ■ es. Adiós", "Vete. Adiós."),
    ],
)
def test_conssa_italics_are_joined_to_their_sentence(printed: str, read: str) -> None:
    ending = "" if printed.endswith((".", "...")) else "."
    assert clean_conssa(f"\n\t\n\t\n{printed}{ending}\n\t\n".encode()) == read


def test_conssa_paragraphs_follow_one_another_without_tabs() -> None:
    assert clean_conssa(b"\n\t\nUno.\n\t\n\t\n-Dos.\n \t\nTres.\n") == "Uno. —Dos. Tres."
