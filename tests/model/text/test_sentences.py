"""Spanish sentence boundaries, for the corpus and for generated text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.text.sentences import ABBREVIATIONS, close_sentence, continues, may_end, split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Se puso el sol.", "Era de noche."],
        ["¿Quién vive?", "¡Nadie!", "Adiós."],
        ["—¡Hola! —dijo el cura.", "—Hola."],
        ["El Sr. Cura y la Sra. Ama salieron con D. Luis.", "No volvieron."],
        ["Dª. Perfecta habló con Vd. ayer.", "Calló."],
        ["Así lo mandó S. M. el Rey.", "Todos obedecieron."],
        ["Pan, vino, etc. para todos.", "Comieron."],
        ["Trajo pan, vino, etc.", "Luego comieron."],
        ["No sé... quizá mañana.", "O nunca..."],
        ["Calló...", "Después dijo que sí."],
        ["«Ven acá.»", "Y vino."],
        ['Dijo: "Ven acá."', "Y vino."],
        ["(Era verdad.)", "Nadie lo creyó."],
        ["Murió en 1605.", "3 años después volvió."],
        ["¡Ay! ¡ay de mí! exclamó."],
        ["El general J. C. Ortega llegó.", "Se fue."],
    ],
)
def test_split_matches_human_boundaries(sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences)) == sentences


SHORTENED = """
    Sr. Sra. Dña. Prof. Profa. Ing. Arq. Lda. Mtro. Mtra. Hno. Hna. Hnos. Rev. Mons. Ntra. Sto. Bto.
    Emmo. Tte. Cmdte. Cte. Sgto. Alfz. Gral. Col. Av. Avda. Pza. Pl. Edo. Dpto. P. Mª. Excmo. EXCMA.
    prof. ing. avda. Ej. ej. fig. tít. ed. trad. cf. cit. ss. núm. Núm. tel. admón. hip. aprox. EE.
""".split()
IN_PARTS = """
    p. ej.|op. cit.|V. E.|V. M.|V. S.|S. E.|S. M.|a. m.|p. m.|a. C.|d. C.|q. e. p. d.|el Excmo. Sr.
    |D.ª|M.ª|C.ª|Sr.ª|n.º|1.º|Avda. de la Rev.
""".replace("\n    ", "").split("|")
ENDINGS = ["etc.", "los EE. UU.", "SS. MM.", "VV.", "una col.", "la vid.", "lo mismo da.", "ven."]


@pytest.mark.parametrize(
    "short", [*SHORTENED, *IN_PARTS, *(f"{a}." for a in sorted(ABBREVIATIONS))]
)
def test_name_after_abbreviation_continues_sentence(short: str) -> None:
    sentences = [f"Vino con {short} Pérez.", f"Luego —{short} «Ana»— calló.", "Adiós."]
    assert split_sentences(" ".join(sentences)) == sentences
    assert not may_end(f"Vino con {short}")
    assert not continues(f"Vino con {short} ")


@pytest.mark.parametrize("ending", ENDINGS)
def test_frequent_sentence_endings_split(ending: str) -> None:
    sentences = [f"Trajo {ending}", "Pérez calló."]
    assert split_sentences(" ".join(sentences)) == sentences
    assert continues(f"Trajo {ending} ")


@pytest.mark.parametrize("short", SHORTENED)
def test_closing_mark_after_abbreviation_ends_sentence(short: str) -> None:
    for ending in (f"¡{short[:-1]}!", f"({short})", f"«{short}»", f"{short}..", f"¿{short}?"):
        sentences = [f"Trajo {ending}", "Pérez calló."]
        assert split_sentences(" ".join(sentences)) == sentences


@pytest.mark.parametrize("text", ["Fin.", "¿Fin?", "¡Fin!", "Fin...", "Fin.»", 'Fin."', "(Fin.)"])
def test_complete_sentences_may_end(text: str) -> None:
    assert may_end(text)


@pytest.mark.parametrize("text", ["", "Fin", "Fin,", "el Sr.", "S. M.", "Vd.", "Fin. Y"])
def test_unfinished_sentences_may_not_end(text: str) -> None:
    assert not may_end(text)


def test_only_lower_case_continues_after_end_and_space() -> None:
    assert continues("¡Ay! ")
    assert continues("¡Ay! —¿")
    assert not continues("El Sr. ")
    assert not continues("¡Ay! dijo ")


@pytest.mark.parametrize(
    ("running", "closed"),
    [
        ("y vino, y fue, y no volv", "y vino, y fue."),
        ("y vino; como siempre", "y vino."),
        ("preguntó ¿quién? y nadie supo nada", "preguntó ¿quién?"),
        ("una palabra tras otra sin parar nunca jam", "una palabra tras otra sin parar nunca."),
        ("unasolapalabra", "unasolapalabra..."),
        ("vio al Sr., y", "vio al."),
    ],
)
def test_runaway_is_cut_at_last_clause_boundary(running: str, closed: str) -> None:
    assert close_sentence(running) == closed


SPANISH = st.text(st.sampled_from("aeBSñ .!?…,;:»«\"'()¿¡—-1é"))


@given(SPANISH)
def test_sentences_join_to_original_text(text: str) -> None:
    folded = " ".join(text.split())
    sentences = split_sentences(folded)
    assert " ".join(sentences) == folded
    assert all(may_end(sentence) for sentence in sentences[:-1])


@given(SPANISH.map(lambda text: " ".join(text.split())), st.integers(0, 20))
def test_any_runaway_becomes_one_complete_sentence(text: str, least: int) -> None:
    closed = close_sentence(text, least)
    assert may_end(closed)
    assert closed.startswith(text[:least])
