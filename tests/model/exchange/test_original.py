"""The imported original computes the same logits."""

from __future__ import annotations

import json
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from model.engine.generate import generate
from model.errors import CheckpointError, ExchangeError, LitteraError
from model.exchange.original import import_original
from model.native import library
from model.native.decoder import load_native
from model.pytorch.backend import load_pytorch
from model.pytorch.checkpoint import load_checkpoint
from model.text.prompt import Options
from model.text.sentences import may_end
from tests.model.exchange.published import (
    CHARACTERS,
    BigramLanguageModel,
    lively,
    write_token_map,
)


def imported(model: nn.Module, folder: Path, protocol: int = 2) -> Path:
    """The folder of the checkpoint imported from a saved model."""
    torch.save(model, folder / "modelo.pt", pickle_protocol=protocol)
    import_original(
        folder / "modelo.pt", folder / "original", write_token_map(folder / "token_map.json")
    )
    return folder / "original"


def largest_difference(model: BigramLanguageModel, folder: Path, length: int) -> float:
    """The largest difference between the published logits and ours, over all positions."""
    tokens = torch.randint(
        0, len(CHARACTERS), (3, length), generator=torch.Generator().manual_seed(1)
    )
    with torch.inference_mode():
        ours = load_checkpoint(folder).decoder(tokens)
        return float((model(tokens) - ours).abs().max())


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_logits_equal_published_code(tmp_path: Path, protocol: int) -> None:
    model = lively(protocol)
    assert largest_difference(model, imported(model, tmp_path, protocol), 40) < 1e-4


def test_published_shape_is_imported(tmp_path: Path) -> None:
    model = lively(width=512, heads=8, layers=6, context=528)
    with torch.no_grad():  # logits as large as a trained model's, not a hundred times larger
        for name, parameter in model.named_parameters():
            parameter.mul_(0.2 if parameter.ndim == 2 else 1.0)
            if "layer_norm" in name and name.endswith("weight"):
                parameter.add_(1.0)
    folder = imported(model, tmp_path)
    assert largest_difference(model, folder, 528) < 1e-4
    assert load_checkpoint(folder).metrics["parameters"] == 19_294_323


@pytest.mark.parametrize(
    "changed",
    ["token_embedding_table", "position_embedding_table", "blocks.0.sa.heads.2.query",
     "blocks.1.sa.heads.0.key", "blocks.1.sa.heads.1.value", "blocks.0.sa.proj",
     "blocks.1.ffwd.net.0", "blocks.0.ffwd.net.2", "blocks.1.layer_norm1", "blocks.0.layer_norm2",
     "lm_head"],
)  # fmt: skip
def test_every_tensor_matters(tmp_path: Path, changed: str) -> None:
    model = lively()
    folder = imported(model, tmp_path)
    with torch.no_grad():
        for parameter in model.get_submodule(changed).parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    assert largest_difference(model, folder, 40) > 1e-3


def test_final_norm_is_kept_and_unused(tmp_path: Path) -> None:
    model = lively()
    folder = imported(model, tmp_path)
    config = load_checkpoint(folder).decoder.config
    assert (config.family, config.final_norm, config.scale_by_width) == ("reference", False, True)
    stored = load_checkpoint(folder).decoder.state_dict()
    assert torch.equal(stored["norm.weight"], model.layer_norm_final.weight)
    assert config.dropout == 0.3


def test_half_precision_is_imported(tmp_path: Path) -> None:
    model = lively().half()
    folder = imported(model, tmp_path)
    assert largest_difference(model.float(), folder, 40) < 1e-4


def test_file_of_2024_torch_is_imported(tmp_path: Path) -> None:
    """As saved in 2024 on a GPU: ordered dictionaries and fewer archive members."""
    model = lively()
    for module in model.modules():
        for name in ("_parameters", "_buffers", "_modules"):
            module.__dict__[name] = OrderedDict(module.__dict__[name])
    torch.save(model, tmp_path / "new.pt")
    with (
        zipfile.ZipFile(tmp_path / "new.pt") as new,
        zipfile.ZipFile(tmp_path / "old.pt", "w") as old,
    ):
        for name in new.namelist():
            inside = name.split("/", 1)[1]
            if inside in ("data.pkl", "version") or inside.startswith("data/"):
                content = new.read(name)
                on_gpu = content.replace(b"\x03\0\0\0cpu", b"\x06\0\0\0cuda:0")
                old.writestr(name, on_gpu if inside == "data.pkl" else content)
                assert inside != "data.pkl" or on_gpu != content
    token_map = write_token_map(tmp_path / "token_map.json")
    import_original(tmp_path / "old.pt", tmp_path / "original", token_map)
    assert largest_difference(model, tmp_path / "original", 40) < 1e-4


def test_strided_tensors_are_imported(tmp_path: Path) -> None:
    model = lively()
    for linear in (model.blocks[0].sa.proj, model.lm_head):  # type: ignore[index, union-attr]
        linear.weight.data = linear.weight.data.t().contiguous().t()  # type: ignore[union-attr]
    assert largest_difference(model, imported(model, tmp_path), 40) < 1e-4


def test_import_generates_and_names_source(tmp_path: Path) -> None:
    folder = imported(lively(context=96), tmp_path)
    checkpoint = load_pytorch(folder)
    assert checkpoint.tokenizer.characters == CHARACTERS
    assert checkpoint.tokenizer.encode("a. B")[2] == 0
    options = Options(seed=3, sentence_limit=60)
    result = generate(checkpoint, "En un lugar", options)
    assert len(result.sentences) == 2
    assert all(map(may_end, result.sentences))
    assert "modelo.pt" in (folder / "README.md").read_text("utf-8")
    if library.load() is not None:
        assert len(generate(load_native(folder), "En un lugar", options).sentences) == 2


def test_kernel_equals_published_code(tmp_path: Path) -> None:
    if library.load() is None:
        pytest.skip("the kernel was not built")
    model = lively()
    native = load_native(imported(model, tmp_path)).decoder
    tokens = list(range(40))
    with torch.inference_mode():
        expected = model(torch.tensor([tokens]))[0].numpy()
    error = np.abs(native.logits(tokens) - expected).max()
    assert error < 0.1 * expected.std()


def test_map_inside_module_suffices(tmp_path: Path) -> None:
    model = lively()
    model.token_map = {character: id for id, character in enumerate(CHARACTERS)}  # type: ignore[assignment]
    torch.save(model, tmp_path / "m.pt")
    import_original(tmp_path / "m.pt", tmp_path / "out")
    assert load_checkpoint(tmp_path / "out").tokenizer.characters == CHARACTERS


def test_missing_vocabulary_names_option(tmp_path: Path) -> None:
    torch.save(lively(), tmp_path / "m.pt")
    with pytest.raises(ExchangeError, match="--vocab"):
        import_original(tmp_path / "m.pt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "not_json"),
        ("[]", "content"),
        ("{}", "not_vocabulary"),
        (json.dumps({" ": 0, ".": 1}), "other_vocabulary"),
        (json.dumps(dict.fromkeys(CHARACTERS, 0)), "not_vocabulary"),
        (json.dumps({each: str(id) for id, each in enumerate(CHARACTERS)}), "not_vocabulary"),
        (json.dumps({each * 2: id for id, each in enumerate(CHARACTERS)}), "not_vocabulary"),
        (json.dumps({each: id + 1 for id, each in enumerate(CHARACTERS)}), "not_vocabulary"),
        (json.dumps({each: [id] for id, each in enumerate(CHARACTERS)}), "not_vocabulary"),
        (None, "unreadable"),
    ],
)  # fmt: skip
def test_invalid_vocabulary_is_refused(tmp_path: Path, content: str | None, code: str) -> None:
    torch.save(lively(), tmp_path / "m.pt")
    if content is not None:
        (tmp_path / "map.json").write_text(content, "utf-8")
    with pytest.raises(LitteraError) as refused:
        import_original(tmp_path / "m.pt", tmp_path / "out", tmp_path / "map.json")
    assert isinstance(refused.value, CheckpointError | ExchangeError)
    assert refused.value.code == code
    assert not (tmp_path / "out").exists()


def another_activation(model: BigramLanguageModel) -> None:
    model.blocks[0].ffwd.net[1] = nn.GELU()  # type: ignore[index, union-attr, operator]


def one_head_more(model: BigramLanguageModel) -> None:
    attention = model.blocks[1].sa  # type: ignore[index, union-attr]
    attention.heads.append(attention.heads[0])  # type: ignore[union-attr, operator]


def one_layer_more(model: BigramLanguageModel) -> None:
    model.more = nn.Linear(2, 2)  # type: ignore[assignment]


def no_head(model: BigramLanguageModel) -> None:
    del model.lm_head


def not_finite(model: BigramLanguageModel) -> None:
    model.lm_head.bias.data[0] = torch.inf


def integers(model: BigramLanguageModel) -> None:
    model.lm_head.weight = nn.Parameter(torch.ones(115, 48, dtype=torch.long), requires_grad=False)


def another_width(model: BigramLanguageModel) -> None:
    model.lm_head = nn.Linear(50, 115)


def in_a_circle(model: BigramLanguageModel) -> None:
    model._modules["blocks"]._modules["0"]._modules["again"] = model  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "code"),
    [(another_activation, "foreign_name"), (one_head_more, "not_original"),
     (one_layer_more, "not_original"), (no_head, "not_original"), (not_finite, "not_numbers"),
     (integers, "not_numbers"), (another_width, "not_original"), (in_a_circle, "not_original")],
)  # fmt: skip
def test_other_model_is_refused(tmp_path: Path, change: object, code: str) -> None:
    model = lively()
    change(model)  # type: ignore[operator]
    with pytest.raises(ExchangeError) as refused:
        imported(model, tmp_path)
    assert refused.value.code == code
    assert not (tmp_path / "original").exists()
