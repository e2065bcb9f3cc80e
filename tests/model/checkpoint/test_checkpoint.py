"""Loading checkpoints: complete and valid, or refused with the name of the file."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.checkpoint.discovery import (
    bundled_checkpoints,
    checkpoint_names,
    find_checkpoint,
    named_checkpoint,
)
from model.engine.generate import generate
from model.errors import CheckpointError, PromptError
from model.pytorch.backend import load_pytorch
from model.pytorch.checkpoint import load_checkpoint
from model.text.prompt import Options
from tests.conftest import save_tiny, tiny_memory


def test_checkpoint_survives_save_and_load(tiny_checkpoint: Path) -> None:
    checkpoint = load_checkpoint(tiny_checkpoint)
    assert checkpoint.name == "tiny"
    assert checkpoint.metrics["preset"] == "tiny"
    assert checkpoint.decoder.parameter_count == checkpoint.metrics["parameters"]
    stored = load_file(tiny_checkpoint / "model.safetensors")
    for name, tensor in checkpoint.decoder.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, stored[name].float())


def test_id_depends_on_weights(tmp_path: Path) -> None:
    ids = [load_checkpoint(save_tiny(tmp_path / name, seed)).id for name, seed in
           [("a", 0), ("b", 0), ("c", 1)]]  # fmt: skip
    assert ids[0] == ids[1] != ids[2]
    assert len(ids[0]) == 12


def edit_json(name: str, **changes: object) -> Callable[[Path], None]:
    """Change entries of a JSON file of the checkpoint."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text("utf-8"))
        (folder / name).write_text(json.dumps(content | changes), "utf-8")

    return change


def edit_memory(**changes: object) -> Callable[[Path], None]:
    """Change entries of the memory in config.json; ... removes one."""

    def change(folder: Path) -> None:
        memory = json.loads((folder / "config.json").read_text("utf-8"))["memory"] | changes
        kept = {name: value for name, value in memory.items() if value is not ...}
        edit_json("config.json", memory=kept)(folder)

    return change


def edit_weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    """Change the tensors of the checkpoint."""

    def edit(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return edit


def truncate(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


class Bomb:
    """Unpickling this writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.target), "w"))


def pickled(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(pickle.dumps(Bomb(folder / "ran")))


DAMAGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "model.safetensors", "missing"),
    "no config": (lambda f: (f / "config.json").unlink(), "config.json", "missing"),
    "no vocabulary": (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json", "missing"),
    "no figures": (lambda f: (f / "metrics.json").unlink(), "metrics.json", "missing"),
    "truncated": (truncate, "model.safetensors", "truncated"),
    "empty": (lambda f: (f / "model.safetensors").write_bytes(b""), "model.safetensors", "trunc"),
    "pickle": (pickled, "model.safetensors", "no safetensors"),
    "half config": (lambda f: (f / "config.json").write_text('{"fam'), "config.json", "JSON"),
    "list config": (lambda f: (f / "config.json").write_text("[]"), "config.json", "object"),
    "unknown entry": (edit_json("config.json", colour=1), "config.json", "colour"),
    "other family": (edit_json("config.json", family="rnn"), "config.json", "'rnn'"),
    "absurd width": (edit_json("config.json", width=10**9), "config.json", "width"),
    "wrong width": (edit_json("config.json", width=64), "model.safetensors", "expected"),
    "giant width": (edit_json("config.json", width=4096), "config.json", "far larger"),
    "more layers": (edit_json("config.json", layers=3), "model.safetensors", "blocks.2"),
    "giant rope": (edit_json("config.json", rope_theta=10**400), "config.json", "rope_theta"),
    "lost rope": (edit_json("config.json", rope_theta=math.nan), "config.json", "rope_theta"),
    "text for truth": (edit_json("config.json", final_norm="no"), "config.json", "final_norm"),
    "text for number": (edit_json("config.json", layers="2"), "config.json", "layers"),
    "foreign vocabulary": (
        edit_json("tokenizer.json", characters=" .abc"), "tokenizer.json", "expects"),
    "not finite": (
        edit_weights(lambda w: w["norm.weight"].fill_(torch.nan)), "model.safetensors", "finite"),
    "integers": (
        edit_weights(lambda w: w.update({"norm.weight": w["norm.weight"].int()})),
        "model.safetensors", "floating"),
    "authors of another": (
        edit_json("metrics.json", confirmed_styles=["borges"]), "metrics.json", "confirmed_styles"),
    "authors that are none": (
        edit_json("metrics.json", confirmed_styles=3), "metrics.json", "confirmed_styles"),
    "another tensor": (
        edit_weights(lambda w: w.update(more=torch.zeros(1))), "model.safetensors", "more"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_checkpoint_names_file(tiny_checkpoint: Path, damage: str) -> None:
    spoil, file, expected = DAMAGES[damage]
    spoil(tiny_checkpoint)
    with pytest.raises(CheckpointError) as refused:
        load_checkpoint(tiny_checkpoint)
    assert file in str(refused.value)
    assert expected in str(refused.value)
    assert not (tiny_checkpoint / "ran").exists()


MEMORY_DAMAGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no object": (edit_json("config.json", memory=[1, 2]), "config.json", "memory must be"),
    "nothing": (edit_json("config.json", memory={}), "config.json", "memory.orders is missing"),
    "a word": (edit_json("config.json", memory="large"), "config.json", "memory must be"),
    "lacking": (edit_memory(rows=...), "config.json", "memory.rows is missing"),
    "foreign": (edit_memory(colour=1), "config.json", "colour"),
    "other keys": (edit_memory(keys=2), "config.json", "memory.keys is 2, expected 1"),
    "true keys": (edit_memory(keys=True), "config.json", "memory.keys"),
    "nested keys": (edit_memory(keys=[{"a": []}]), "config.json", "memory.keys"),
    "giant rows": (edit_memory(rows=1 << 40), "config.json", "memory.rows"),
    "endless rows": (edit_memory(rows=10**4000), "config.json", "memory.rows"),
    "many rows": (edit_memory(rows=1 << 24), "config.json", "far larger"),
    "no rows": (edit_memory(rows=0), "config.json", "memory.rows"),
    "half rows": (edit_memory(rows=1.5), "config.json", "memory.rows"),
    "other rows": (edit_memory(rows=212), "model.safetensors", "memory.tables"),
    "text for width": (edit_memory(width="12"), "config.json", "memory.width"),
    "other width": (edit_memory(width=13), "model.safetensors", "memory.mix.weight"),
    "orders no list": (edit_memory(orders=3), "config.json", "memory.orders"),
    "orders of orders": (edit_memory(orders=[[1], [2]]), "config.json", "memory.orders"),
    "falling orders": (edit_memory(orders=[3, 2, 1, 5]), "config.json", "memory.orders"),
    "endless orders": (edit_memory(orders=[10**30]), "config.json", "memory.orders"),
    "other orders": (edit_memory(orders=[1]), "model.safetensors", "memory"),
    "too many words": (edit_memory(words=[1, 5]), "config.json", "memory.words"),
    "no tables": (edit_memory(orders=[], words=[]), "config.json", "memory.orders"),
    "no number": (edit_memory(dropout=math.nan), "config.json", "memory.dropout"),
    "text for a share": (edit_memory(dropout="0.1"), "config.json", "memory.dropout"),
    "endless share": (edit_memory(dropout=10**400), "config.json", "memory.dropout"),
    "few symbols": (edit_memory(symbols=[1]), "config.json", "memory.symbols has 1 entries"),
    "nested letters": (edit_memory(letters=[None]), "config.json", "memory.letters"),
    "below letters": (edit_memory(letters=[-1]), "config.json", "code points"),
    "other family": (
        edit_json("config.json", family="reference"), "config.json", "family 'modern'"),
    "no tensor": (edit_weights(lambda w: w.pop("memory.tables")), "model.safetensors", "missing"),
    "no memory": (edit_json("config.json", memory=None), "model.safetensors", "no such tensor"),
    "not finite": (
        edit_weights(lambda w: w["memory.tables"][-1, -1, -1:].fill_(torch.nan)),
        "model.safetensors", "finite"),
    "infinite": (
        edit_weights(lambda w: w["memory.tables"][0, 0, :1].fill_(-torch.inf)),
        "model.safetensors", "finite"),
}  # fmt: skip


@pytest.mark.parametrize("damage", MEMORY_DAMAGES)
def test_damaged_memory_names_file(memory_checkpoint: Path, damage: str) -> None:
    spoil, file, expected = MEMORY_DAMAGES[damage]
    spoil(memory_checkpoint)
    with pytest.raises(CheckpointError) as refused:
        load_checkpoint(memory_checkpoint)
    assert str(refused.value).startswith(str(memory_checkpoint / file))
    assert expected in str(refused.value)
    assert len(str(refused.value)) < len(str(memory_checkpoint)) + 300


def test_memory_survives_save_and_load(memory_checkpoint: Path) -> None:
    decoder = load_checkpoint(memory_checkpoint).decoder
    assert decoder.config == tiny_memory()
    stored = load_file(memory_checkpoint / "model.safetensors")
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(tensor, stored[name].float())


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere: no such folder"):
        load_checkpoint(tmp_path / "nowhere")


def test_names_are_found_only_inside_folder(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    save_tiny(folder / "one")
    save_tiny(tmp_path / "outside")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "empty").mkdir()
    assert checkpoint_names(folder) == ["link", "one"]
    assert named_checkpoint("one", folder) == folder / "one"
    for name in (
        "link",
        "..",
        ".",
        "",
        "../outside",
        str(tmp_path / "outside"),
        "a" * 5000,
        "x\0y",
    ):
        with pytest.raises(CheckpointError, match="no checkpoint"):
            named_checkpoint(name, folder)
    assert find_checkpoint(str(tmp_path / "outside"), folder) == tmp_path / "outside"


def test_bundled_checkpoint_is_complete_and_small() -> None:
    folder = bundled_checkpoints()
    assert "small" in checkpoint_names(folder)
    checkpoint = load_checkpoint(folder / "small")
    assert checkpoint.metrics["validation"]["w528"] <= 1.14
    assert sum(path.stat().st_size for path in (folder / "small").iterdir()) < 12_000_000
    assert set(checkpoint.tokenizer.styles) == {
        "cervantes", "anonimo", "galdos", "baroja", "clarin"
    }  # fmt: skip


def test_only_confirmed_styles_are_offered(tiny_checkpoint: Path) -> None:
    assert load_checkpoint(tiny_checkpoint).styles == ("cervantes", "galdos")
    edit_json("metrics.json", confirmed_styles=["galdos"])(tiny_checkpoint)
    checkpoint = load_pytorch(tiny_checkpoint)
    assert checkpoint.styles == ("galdos",)
    assert (
        generate(checkpoint, "Hola", Options(style="galdos", sentence_limit=40)).style == "galdos"
    )
    with pytest.raises(PromptError, match="known are \\('galdos',\\)"):
        generate(checkpoint, "Hola", Options(style="cervantes"))
