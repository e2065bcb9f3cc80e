"""transformers loads exports, with our logits, tokens and texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3ForCausalLM

from model.checkpoint.checkpoint import StoredCheckpoint, read_checkpoint
from model.checkpoint.config import DecoderConfig
from model.errors import ExchangeError
from model.exchange.hf import export_hf
from model.exchange.hf_tokenizer import hf_tokenizer
from model.pytorch.checkpoint import TorchCheckpoint, load_checkpoint
from model.text.normalize import SAME
from model.text.tokenizer import Tokenizer
from tests.conftest import save_tiny, tiny_memory
from tests.model.exchange.conftest import SMALL, likeliest

TEXT = (
    "En un lugar de la Mancha, de cuyo nombre no quiero acordarme. —¿Quién es el Sr. Cura? —dijo. "
    "¡Ay! dijo ella… “No lo sé”. "
)
OURS = Tokenizer.load(SMALL / "tokenizer.json")
THEIRS = hf_tokenizer(OURS)
OTHERS = "".join(SAME) + "\t\n\x85\u00a0\u2003\u200b\u0301\u0303Ñãžßœ€日😀<|>"
WORDS = ["Sr.", "D.", "S.", "etc.", "No.", "no", "»", "«", "...", "…", "—", "¡Ay!", "¿Qué?", ".»",
         "!)", "(", "1.", "N.º", "--", "'", "a.", "Á.", "  ", "pág."]  # fmt: skip


@pytest.fixture(scope="module")
def exported(stored: StoredCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hf") / "small"
    export_hf(stored, folder)
    return folder


@pytest.fixture(scope="module")
def theirs(exported: Path) -> transformers.PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(exported).eval()


@pytest.fixture(scope="module")
def their_tokenizer(exported: Path) -> transformers.PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(exported)


def largest_difference(theirs: transformers.PreTrainedModel, ours: TorchCheckpoint) -> float:
    """The largest difference of logits, over a text and over random tokens of context length."""
    config = ours.decoder.config
    text = (ours.tokenizer.encode(ours.tokenizer.represent(TEXT).text) * 9)[: config.context]
    random = torch.randint(
        config.vocabulary, (2, config.context), generator=torch.Generator().manual_seed(0)
    )
    with torch.inference_mode():
        return max(
            float((theirs(tokens).logits - ours.decoder(tokens)).abs().max())
            for tokens in (torch.tensor([text]), random)
        )


def test_logits_equal_ours(theirs: transformers.PreTrainedModel, small: TorchCheckpoint) -> None:
    assert isinstance(theirs, Qwen3ForCausalLM)
    assert theirs.dtype == torch.float32
    assert largest_difference(theirs, small) < 1e-4
    assert sum(each.numel() for each in theirs.parameters()) == small.decoder.parameter_count


def test_class_loads_by_name(exported: Path, small: TorchCheckpoint) -> None:
    assert largest_difference(Qwen3ForCausalLM.from_pretrained(exported), small) < 1e-4


def test_half_precision_halves_file(
    stored: StoredCheckpoint, exported: Path, small: TorchCheckpoint, tmp_path: Path
) -> None:
    export_hf(stored, tmp_path / "half", "f16")
    sizes = [(each / "model.safetensors").stat().st_size for each in (exported, tmp_path / "half")]
    assert sizes[1] < 0.51 * sizes[0]
    half = AutoModelForCausalLM.from_pretrained(tmp_path / "half")
    assert half.dtype == torch.float16
    assert largest_difference(half.float(), small) < 0.02


def test_other_shape_without_styles_loads(tmp_path: Path) -> None:
    tokenizer = Tokenizer((), " .,abcñáABC—")
    folder = save_tiny(tmp_path / "tiny", tokenizer=tokenizer)
    export_hf(read_checkpoint(folder), tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert largest_difference(model, load_checkpoint(folder)) < 1e-4
    ids = AutoTokenizer.from_pretrained(tmp_path / "out")("a b. Á").input_ids
    assert ids == [0, *tokenizer.encode("a b. Á".replace("Á", "A"))]


def test_greedy_text_equals_ours(
    theirs: transformers.PreTrainedModel,
    their_tokenizer: transformers.PreTrainedTokenizerBase,
    small: TorchCheckpoint,
) -> None:
    phrase = "La marquesa abrió la ventana. Era"
    written = theirs.generate(
        **their_tokenizer(phrase, return_tensors="pt"), max_new_tokens=120, do_sample=False
    )[0]
    expected = likeliest(small, phrase, 120)
    assert written.tolist() == expected
    shown = their_tokenizer.decode(written, skip_special_tokens=True)
    assert shown == small.tokenizer.decode(expected)


def test_default_sampling_never_gives_marks(
    theirs: transformers.PreTrainedModel,
    their_tokenizer: transformers.PreTrainedTokenizerBase,
    small: TorchCheckpoint,
) -> None:
    torch.manual_seed(0)
    start = their_tokenizer(["Era una noche"] * 8, return_tensors="pt")
    written = theirs.generate(**start, max_new_tokens=60)
    assert written.shape == (8, 1 + len("Era una noche") + 60)
    assert len(set(map(tuple, written.tolist()))) == 8
    assert not set(written[:, 1:].flatten().tolist()) & set(small.tokenizer.markers)


def test_style_replaces_start(
    their_tokenizer: transformers.PreTrainedTokenizerBase, small: TorchCheckpoint
) -> None:
    ids = their_tokenizer("<|galdos|>Era", add_special_tokens=False).input_ids
    assert ids == [small.tokenizer.style_id("galdos"), *small.tokenizer.encode("Era")]
    assert their_tokenizer.decode(ids, skip_special_tokens=True) == "Era"


@settings(max_examples=400, deadline=None)
@given(
    text=st.one_of(
        st.text(OURS.characters + OTHERS, max_size=60),
        st.lists(st.one_of(st.sampled_from(WORDS), st.text('aB .!?…»«"()¿—', max_size=6))).map(
            " ".join
        ),
    )
)
@example("`ß´‘ K\u0301")  # dropped characters between quotes, and a letter that composes
def test_any_text_gives_our_tokens(text: str) -> None:
    theirs = THEIRS.encode(text, add_special_tokens=False).ids
    assert theirs == OURS.encode(OURS.represent(text).text)


def test_folder_has_tokenizer(
    their_tokenizer: transformers.PreTrainedTokenizerBase,
) -> None:
    text = OURS.represent(TEXT).text
    ids = their_tokenizer(TEXT).input_ids
    assert ids == [OURS.start, *OURS.encode(text)]
    assert OURS.separator in ids
    assert their_tokenizer.decode(ids, skip_special_tokens=True) == text


def test_card_and_picture_are_copied(exported: Path, stored: StoredCheckpoint) -> None:
    card = (exported / "README.md").read_text("utf-8")
    assert card.startswith("---\nlanguage: es\n")
    assert stored.id in card
    assert "1.0898" in card
    assert "`<|galdos|>`" in card
    assert (exported / "losses.png").read_bytes() == (SMALL / "losses.png").read_bytes()


def test_missing_card_is_created(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    (folder / "README.md").unlink()
    export_hf(read_checkpoint(folder), tmp_path / "out")
    assert "# tiny\n" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_unsupported_decoder_is_refused(stored: StoredCheckpoint, tmp_path: Path) -> None:
    with pytest.raises(ExchangeError) as refused:
        export_hf(stored, tmp_path / "out", "q8_0")
    assert refused.value.code == "precision_of_hf"
    reference = DecoderConfig("reference", 20, 16, 8, 1, 2, 16)
    for config in (reference, replace(stored.config, final_norm=False),
                   replace(stored.config, scale_by_width=True)):  # fmt: skip
        with pytest.raises(ExchangeError) as refused:
            export_hf(replace(stored, config=config), tmp_path / "out")
        assert refused.value.code == "no_equivalent"
    with pytest.raises(ExchangeError, match="without one, such as small") as refused:
        export_hf(replace(stored, config=tiny_memory()), tmp_path / "out")
    assert refused.value.code == "with_memory"
    assert not (tmp_path / "out").exists()
