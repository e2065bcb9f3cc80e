"""The lexicon: its file, its facts, and its detection of copied passages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.checkpoint.bloom import Bloom
from model.checkpoint.checkpoint import read_checkpoint
from model.checkpoint.discovery import bundled_checkpoints
from model.checkpoint.filenames import LEXICON, WEIGHTS
from model.checkpoint.lexicon import (
    BLOCK,
    FEMININE,
    FEMININE_PLURAL,
    MASCULINE,
    MASCULINE_PLURAL,
    RUN,
    STEP,
    Lexicon,
    Tensors,
    load_lexicon,
)
from model.errors import CheckpointError
from tests.conftest import save_tiny
from tests.lexicons import COPIED, lexicon_of_lines


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory: pytest.TempPathFactory) -> Lexicon:
    return lexicon_of_lines(tmp_path_factory.mktemp("lexicon"))


def test_lexicon_knows_words_names_and_nouns(lexicon: Lexicon) -> None:
    assert lexicon.styles == ("cervantes", "galdos")
    assert lexicon.names == {"Sancho": 0, "Dulcinea": 0, "Nela": 1}
    assert lexicon.knows("sábanas")
    assert not lexicon.knows("ordenador")
    assert lexicon.may_be_finite("durmió") is False  # seen too seldom
    assert lexicon.refused("libro") & FEMININE
    assert lexicon.refused("libro") & (MASCULINE_PLURAL | FEMININE_PLURAL)
    assert not lexicon.refused("casa") & FEMININE
    assert lexicon.refused("ordenador") == 0
    assert lexicon.manner(["fuente"], "galdos") > 0 > lexicon.manner(["fuente"], "cervantes")
    assert lexicon.manner(["fuente"], "nobody") == lexicon.manner([], "galdos") == 0


def test_copied_runs_are_found_at_any_offset(lexicon: Lexicon) -> None:
    for start in range(len(COPIED) - RUN):
        run = COPIED[start : start + RUN + 1]
        assert lexicon.has_copied(run)
        for before in range(2 * STEP):
            assert lexicon.has_copied("x" * before + run + "x" * before)
    assert not lexicon.has_copied(COPIED[: BLOCK + STEP])
    assert not lexicon.has_copied(COPIED[:30] + COPIED[40:])
    assert not lexicon.has_copied("")


def test_filter_has_few_false_positives() -> None:
    texts = [f"palabra {number}".encode() for number in range(5000)]
    bloom = Bloom.of(texts, 12, 7)
    assert all(text in bloom for text in texts)
    assert bloom.among(texts) == list(range(5000))
    others = [f"otra {number}".encode() for number in range(5000)]
    assert sum(other in bloom for other in others) < 50
    assert bloom.among(others) == [n for n, other in enumerate(others) if other in bloom]
    assert b"a" not in Bloom.of([], 12, 7)


def test_bundled_lexicon_knows_its_novels() -> None:
    bundled = load_lexicon(bundled_checkpoints() / "small")
    assert bundled is not None
    assert {"Sancho", "Quijote", "Magistral", "Ozores", "Nela", "Hurtado"} <= bundled.names.keys()
    assert not {"Dios", "Madrid", "España", "Virgen"} & bundled.names.keys()
    assert all(map(bundled.knows, ("hidalgo", "astillero", "caminaban", "café", "teléfono")))
    assert not any(map(bundled.knows, ("corrolón", "desafínsica", "ponido")))
    assert all(map(bundled.may_be_finite, ("vive", "llora", "tiene", "conocía", "quiero")))
    assert not any(map(bundled.may_be_finite, ("mesa", "alegría", "libro", "grande", "cabeza")))
    assert bundled.refused("mujer") & MASCULINE
    assert not bundled.refused("agua") & MASCULINE
    assert not bundled.refused("alma") & MASCULINE
    begins = "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo"
    assert bundled.has_copied(begins)


def test_checkpoint_without_lexicon_has_none(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    assert load_lexicon(folder) is None
    assert read_checkpoint(folder).lexicon is None


def test_lexicon_loads_and_goes_with_weights(lexicon: Lexicon, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    lexicon.save(folder)
    loaded = read_checkpoint(folder).lexicon
    assert loaded is not None
    assert loaded.names == lexicon.names
    save_tiny(folder, seed=1)
    assert (folder / WEIGHTS).exists()
    assert not (folder / LEXICON).exists()


def _without(name: str) -> Callable[[Tensors], None]:
    def damage(tensors: Tensors) -> None:
        del tensors[name]

    return damage


def _with(name: str, value: np.ndarray) -> Callable[[Tensors], None]:
    return lambda tensors: tensors.update({name: value})


def _text(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def _impossible_articles(tensors: Tensors) -> None:
    tensors["refused"] = np.full_like(tensors["refused"], 16)


DAMAGES = {
    "no words": _without("words"),
    "no odds": _without("odds"),
    "words of another type": _with("words", np.zeros(8, np.float32)),
    "words of another shape": _with("words", np.zeros((2, 4), np.uint8)),
    "no bits at all": _with("finite", np.zeros(0, np.uint8)),
    "an inherited filter of another type": _with("words_before", np.zeros(8, np.int64)),
    "no UTF-8": _with("names", np.full(9, 0xFF, np.uint8)),
    "a name twice": _with("names", _text("Ana\nAna\nEva")),
    "a name too many": _with("names", _text("Ana\nEva")),
    "homes of another type": _with("homes", np.zeros(3, np.int64)),
    "a home that is none": _with("homes", np.full(3, 2, np.uint16)),
    "a noun too few": _with("refused", np.zeros(1, np.uint8)),
    "articles that there are not": _impossible_articles,
    "too many styles": _with("styles", _text("\n".join(map(str, range(5000))))),
    "odds of another shape": _with("odds", np.zeros((3, 2), np.float32)),
    "odds of another type": _with("odds", np.zeros((3, 2), np.float64)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_invalid_lexicon_is_refused_in_one_sentence(
    lexicon: Lexicon, tmp_path: Path, damage: Callable[[Tensors], None]
) -> None:
    folder = save_tiny(tmp_path / "tiny")
    tensors = dict(lexicon.tensors)
    damage(tensors)
    save_file(tensors, folder / LEXICON)
    _refused(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_odds_are_refused(lexicon: Lexicon, tmp_path: Path, value: float) -> None:
    folder = save_tiny(tmp_path / "tiny")
    lexicon.save(folder)
    tensors = load_file(folder / LEXICON)
    tensors["odds"][0, 0] = value
    save_file(tensors, folder / LEXICON)
    _refused(folder)


@pytest.mark.parametrize("content", [b"", b"\x80\x04nonsense", b"\xff" * 64])
def test_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = save_tiny(tmp_path / "tiny")
    (folder / LEXICON).write_bytes(content)
    _refused(folder)


def test_truncated_file_is_refused(lexicon: Lexicon, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    lexicon.save(folder)
    content = (folder / LEXICON).read_bytes()
    (folder / LEXICON).write_bytes(content[: len(content) // 2])
    _refused(folder)


def test_header_of_terabytes_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    header = b'{"words":{"dtype":"U8","shape":[9999999999999],"data_offsets":[0,9999999999999]}}'
    (folder / LEXICON).write_bytes(len(header).to_bytes(8, "little") + header)
    _refused(folder)


def test_oversized_file_is_not_read(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    with (folder / LEXICON).open("wb") as file:
        file.truncate(1 << 33)  # takes no room on the disk
    assert "too large" in _refused(folder)


def test_folder_instead_of_file_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    (folder / LEXICON).mkdir()
    _refused(folder)


def _refused(folder: Path) -> str:
    with pytest.raises(CheckpointError, match=r"lexicon\.safetensors") as refused:
        read_checkpoint(folder)
    assert "\n" not in str(refused.value)
    return str(refused.value)
