"""Each rule finds a violation and accepts a similar sentence; the best few are chosen from."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest

from model.checkpoint.lexicon import Lexicon
from model.ranking.candidate import Candidate
from model.ranking.ranking import FAULTS, Fault, Judgement, Ranking
from tests.lexicons import COPIED, lexicon_of_lines


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory: pytest.TempPathFactory) -> Lexicon:
    return lexicon_of_lines(tmp_path_factory.mktemp("lexicon"))


@pytest.fixture(scope="module")
def ranking() -> Ranking:
    return Ranking(None)


def first(phrase: str, own: str) -> Candidate:
    """A sentence that continues a phrase."""
    return Candidate(phrase, "", phrase + own, own, -1.0, cut=False, style=None)


def second(before: str, sentence: str) -> Candidate:
    """A later sentence."""
    return Candidate(before, f"{before} Y nada más.", sentence, sentence, -1.0, False, None)


WITHOUT_LEXICON = [
    (Fault.UNBALANCED, " dijo «que no quería verla.", " dijo «que no» a la casa."),
    (Fault.UNBALANCED, " dijo que no» quería verla.", " dijo (que no) quería verla."),
    (Fault.UNBALANCED, ' dijo "que no quería verla.', ' dijo "que no" quería verla.'),
    (Fault.UNBALANCED, " vino y ¿qué dijo de ella.", " vino y ¿qué dijo de ella?"),
    (Fault.UNBALANCED, " vino y ¡qué dijo de ella.", " vino y ¡qué dijo de ella!"),
    (Fault.UNBALANCED, " vino, la vio—, y se fue.", " vino —según la vio—, y se fue."),
    (Fault.UNBALANCED, " vino —según dijo ella.", " dijo: —No vino nadie."),
    (Fault.STUTTER, " me dijo a mí a mí que no.", " me dijo a mí, a mí, que no."),
    (Fault.STUTTER, " supo de lo que de lo que iba.", " supo de lo que iba."),
    (Fault.STUTTER, " comió pan pan tranquilo.", " comió muy muy tranquilo."),
    (Fault.STUTTER, " vio pan y pan y pan.", " fue poco a poco a casa."),
    (
        Fault.STUTTER,
        " vino por el pan de la casa y comió por el pan de la casa.",
        " vino por el pan de la casa y comió por el vino de la casa.",
    ),
    (Fault.DANGLING, " no vino porque.", " no dijo por qué."),
    (Fault.DANGLING, " no quiso venir cuando.", " no quiso venir cuando..."),
    (Fault.DANGLING, " vino a casa con la.", " vino a casa con ella."),
]


@pytest.mark.parametrize(("fault", "bad", "good"), WITHOUT_LEXICON)
def test_rules_of_text_alone(ranking: Ranking, fault: Fault, bad: str, good: str) -> None:
    assert fault in ranking.judge(first("Mi vecino", bad)).faults
    assert fault not in ranking.judge(first("Mi vecino", good)).faults


@pytest.mark.parametrize(
    ("fault", "bad", "good"),
    [
        (Fault.TAG_ALONE, "—dijo mi padre.", "—No vino —dijo mi padre."),
        (Fault.TOO_SHORT, "No lo sé.", "No lo sé todavía."),
        (Fault.SAME_BEGINNING, "Y nada quedó de ella.", "Y todo quedó en nada."),
    ],
)
def test_rules_of_later_sentences(ranking: Ranking, fault: Fault, bad: str, good: str) -> None:
    assert fault in ranking.judge(second("Mi vecino vino.", bad)).faults
    assert fault not in ranking.judge(second("Mi vecino vino.", good)).faults


def test_cut_or_endless_sentence_is_too_long(ranking: Ranking) -> None:
    whole = first("Mi vecino", " vino a verme ayer.")
    assert not ranking.judge(whole).faults
    assert ranking.judge(replace(whole, cut=True)).faults == (Fault.TOO_LONG,)
    words = ", ".join(f"vino {chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(40))
    assert Fault.TOO_LONG in ranking.judge(first("Mi vecino", f" {words}.")).faults


def test_mark_may_close_in_another_sentence(ranking: Ranking) -> None:
    quoted = Candidate("", "«Vino ayer.", "No dijo nada».", "No dijo nada».", -1, False, None)
    assert Fault.UNBALANCED not in ranking.judge(quoted).faults
    assert Fault.UNBALANCED in ranking.judge(replace(quoted, before="Vino ayer.")).faults


def test_question_typed_without_opening_mark_may_close(ranking: Ranking) -> None:
    assert Fault.UNBALANCED not in ranking.judge(first("Cuándo viene", " tu padre?")).faults
    assert Fault.UNBALANCED in ranking.judge(second("No vino.", "Cuándo viene él?")).faults


WITH_LEXICON = [
    (Fault.UNKNOWN_WORD, "El perro", " ladra al corrolón.", " ladra al libro."),
    (Fault.UNKNOWN_WORD, "El perro", " ladraba.", " se durmió tarde."),
    (Fault.UNKNOWN_WORD, "Mi robot", " come robots.", " come pan con mi robot."),
    (Fault.ALTERED_WORD, "La cas", "icona ladra.", "a cae."),
    (Fault.STRANGER, "El perro", " se acercó a Sancho.", " se acercó al caballero."),
    (Fault.STRANGER, "El perro de Sancho", " vio a Dulcinea.", " quería a Sancho."),
    (Fault.MIXED_BOOKS, "El perro de Sancho", " miró a Nela.", " miró a Sancho."),
    (Fault.MIXED_BOOKS, "El perro", " de Sancho miró a Nela.", " miró la fuente."),
    (Fault.DISAGREEMENT, "Vio", " el casa.", " la casa."),
    (Fault.DISAGREEMENT, "Vio", " las libro.", " los libros."),
    (Fault.DISAGREEMENT, "Vio", " un mujer.", " la mujer."),
    (Fault.DISAGREEMENT, "Vio", " su libros.", " su libro."),
    (Fault.DISAGREEMENT, "Vio", " la agua.", " el agua."),
    (Fault.DISAGREEMENT, "Vio", " una problema.", " un problema."),
    (Fault.FRAGMENT, "El perro", " de la casa de lejos.", " de la casa se durmió."),
    (Fault.FRAGMENT, "El perro", " junto a la mesa de pino.", ", dígame usted, de lejos."),
    (Fault.COPIED, "Y entonces", " " + COPIED[3:], " " + COPIED[:30] + " y el libro"),
]


@pytest.mark.parametrize(("fault", "phrase", "bad", "good"), WITH_LEXICON)
def test_rules_of_the_lexicon(
    lexicon: Lexicon, fault: Fault, phrase: str, bad: str, good: str
) -> None:
    ranking = Ranking(lexicon)
    assert fault in ranking.judge(first(phrase, bad)).faults
    assert fault not in ranking.judge(first(phrase, good)).faults


def test_later_sentence_may_add_characters_of_same_book(lexicon: Lexicon) -> None:
    ranking = Ranking(lexicon)
    known, none = "Sancho no dijo nada.", "El perro no dijo nada."
    later = "Mucho quería a Dulcinea."
    assert not {Fault.STRANGER, Fault.MIXED_BOOKS} & set(ranking.judge(second(known, later)).faults)
    assert Fault.STRANGER in ranking.judge(second(none, later)).faults
    assert Fault.MIXED_BOOKS in ranking.judge(second(known, "Nela no dijo nada.")).faults


def test_earlier_sentences_of_the_phrase_count_too(lexicon: Lexicon) -> None:
    ranking, own = Ranking(lexicon), " se acercó Sancho de lejos»."
    phrase = "«No dijo nada Sancho. Entonces"
    continued = Candidate(phrase, "", f"Entonces{own}", own, -1.0, cut=False, style=None)
    assert not ranking.judge(continued).faults
    alone = replace(continued, phrase="Entonces")
    assert set(ranking.judge(alone).faults) == {Fault.STRANGER, Fault.UNBALANCED}


def test_disabled_rule_finds_nothing(lexicon: Lexicon) -> None:
    candidate = first("El perro", " miró a Sancho a mí a mí corrolón.")
    found = Ranking(lexicon).judge(candidate).faults
    assert set(found) >= {Fault.STRANGER, Fault.STUTTER, Fault.UNKNOWN_WORD}
    for fault in found:
        assert fault not in Ranking(lexicon, frozenset({fault})).judge(candidate).faults
    assert Ranking(lexicon, frozenset(Fault)).judge(candidate).faults == ()


def test_every_rule_has_a_weight() -> None:
    assert set(FAULTS) == set(Fault)


def test_score_prefers_likely_short_and_joined(lexicon: Lexicon) -> None:
    ranking = Ranking(lexicon)

    def score(phrase: str, own: str, likelihood: float = -1.0) -> float:
        return ranking.judge(replace(first(phrase, own), likelihood=likelihood)).score

    own = " vino a verme con mi padre aquella misma tarde."
    assert score("Mi vecino", own, -0.8) > score("Mi vecino", own, -0.9)
    assert math.isfinite(score("Mi vecino", own, math.nan))
    assert score("No vino mi vecino", ".", -2.5) > score("No vino mi vecino", own, -2.5)
    verb = "El perro no se acercó"
    assert score(verb, " durmió sin prisa y de lejos.") < score(
        verb, " dormir sin prisa y de lejos."
    )
    long = own[:-1] + " y trajo pan y vino para todos los que estaban allí sentados al sol."
    assert score("Mi vecino", own) > score("Mi vecino", long)
    whole = "El perro se durmió tranquilo"
    assert score(whole, ", y no dijo nada de lo que vio allí.") > score(
        whole, " era nada y no dijo lo que vio allí."
    )
    assert score("Mi vecino", own) > score("Mi vecino", own.replace("padre", "cabeza"))


def test_score_prefers_requested_author(lexicon: Lexicon) -> None:
    ranking = Ranking(lexicon)
    like_galdos = first("La pobre", " no tenía zapatos, y no se quejaba junto a la fuente.")
    asked = {
        style: ranking.judge(replace(like_galdos, style=style)).score
        for style in ("galdos", "cervantes", "unknown")
    }
    assert asked["galdos"] > asked["unknown"] > asked["cervantes"]


def judged(*scores: float, faults: tuple[Fault, ...] = ()) -> list[Judgement]:
    return [Judgement(faults, score) for score in scores]


UNIFORMS = [number / 16 for number in range(16)]


def test_faultless_candidate_beats_faulted_ones(ranking: Ranking) -> None:
    judgements = judged(-0.1, -0.2, faults=(Fault.STUTTER,)) + judged(-3.0)
    assert {ranking.choose(judgements, uniform) for uniform in UNIFORMS} == {2}


def test_lightest_faults_win(ranking: Ranking) -> None:
    worse = judged(-0.1, faults=(Fault.UNKNOWN_WORD,)) + judged(
        -0.1, faults=(Fault.STUTTER, Fault.UNBALANCED)
    )
    assert ranking.choose([*worse, *judged(-2.0, faults=(Fault.STUTTER,))], 0.5) == 2


def test_random_number_selects_among_best_few(ranking: Ranking) -> None:
    judgements = judged(*(-1 - number / 100 for number in range(32)))
    chosen = [ranking.choose(judgements, uniform) for uniform in UNIFORMS]
    assert chosen == [ranking.choose(judgements, uniform) for uniform in UNIFORMS]
    assert set(chosen) == {0, 1, 2, 3}
    assert ranking.choose(judgements, math.nextafter(1, 0)) == 3


def test_far_worse_candidate_is_never_chosen(ranking: Ranking) -> None:
    judgements = judged(-2.0, -1.0, *[-2.0 - number for number in range(30)])
    assert {ranking.choose(judgements, uniform) for uniform in UNIFORMS} == {1}


def test_duplicate_sentence_counts_once(ranking: Ranking) -> None:
    judgements = judged(*[-1.0] * 31, -1.01)
    assert {ranking.choose(judgements, uniform) for uniform in UNIFORMS} == {0, 31}


def test_single_candidate_is_chosen(ranking: Ranking) -> None:
    assert ranking.choose(judged(-9.0, faults=tuple(Fault)), 0.9) == 0


@pytest.mark.parametrize("text", ["—", "...", "¿", "«»", " ", "1.", "a", "—¡«(", "ñ" * 5000])
def test_odd_texts_are_judged(lexicon: Lexicon, text: str) -> None:
    for ranking in (Ranking(None), Ranking(lexicon)):
        for candidate in (first("", text), first("Hoy", text), second("Hoy.", text)):
            assert math.isfinite(ranking.judge(candidate).score)


def test_judging_is_cheap(lexicon: Lexicon) -> None:
    ranking, own = Ranking(lexicon), " se acercó a la casa de lejos y no dijo palabra." * 3
    candidates = [first("El perro", f"{own[:-1]} {number}.") for number in range(64)]
    began = time.process_time()
    for candidate in candidates:
        ranking.judge(candidate)
    # About 15 ms on an idle machine; much longer beside other tests.
    assert time.process_time() - began < 0.2
