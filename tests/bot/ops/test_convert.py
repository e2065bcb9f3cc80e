"""`litteragpt export` and `import`: overwriting rules and error sentences."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bot.cli import EXIT_FAILURE, EXIT_USAGE
from model.checkpoint.config import DecoderConfig
from model.pytorch.checkpoint import save_checkpoint
from model.pytorch.decoder import Decoder
from tests.bot.programs import Command
from tests.conftest import TINY_TOKENIZER, save_tiny
from tests.model.exchange.published import lively, write_token_map


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("precision", ["f32", "f16"])
def test_exports_checkpoint_to_transformers(
    command: Command, tiny_checkpoint: Path, tmp_path: Path, precision: str
) -> None:
    out = tmp_path / "new" / "tiny-hf"
    code, said, _ = command(
        "export", "--format", "hf", "--precision", precision, tiny_checkpoint, out
    )
    assert code == 0
    assert said == f"Modelo tiny exportado a {out} (hf, {precision}).\n"
    assert {each.name for each in out.iterdir()} == {
        "README.md", "config.json", "generation_config.json", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip


@pytest.mark.parametrize("precision", ["f32", "f16", "q8_0"])
def test_exports_checkpoint_to_llama_cpp(
    command: Command, tiny_checkpoint: Path, tmp_path: Path, precision: str
) -> None:
    out = tmp_path / "new" / "tiny.gguf"
    code, said, _ = command(
        "export", tiny_checkpoint, out, "--format", "gguf", "--precision", precision
    )
    assert code == 0
    assert f"(gguf, {precision})" in said
    assert out.read_bytes().startswith(b"GGUF")
    assert list(out.parent.iterdir()) == [out]


def test_exports_bundled_checkpoint_by_name(command: Command, tmp_path: Path) -> None:
    assert command("export", "small", tmp_path / "s.gguf", "--format", "gguf")[0] == 0
    code, _, complaint = command("export", "smal", tmp_path / "t.gguf", "--format", "gguf")
    assert code == EXIT_FAILURE
    assert "smal" in complaint
    assert not (tmp_path / "t.gguf").exists()


@pytest.mark.parametrize("format", ["hf", "gguf"])
def test_export_replaces_only_with_force(command: Command, tmp_path: Path, format: str) -> None:
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "out"
    save_tiny(first, seed=0)
    save_tiny(second, seed=1)
    assert command("export", first, out, "--format", format)[0] == 0

    def held() -> object:
        return files(out) if format == "hf" else out.read_bytes()

    before = held()
    code, _, complaint = command("export", second, out, "--format", format)
    assert code == EXIT_FAILURE
    assert complaint == (
        f"{out} ya existe: elija otro nombre, o repita con --force para sustituirlo.\n"
    )
    assert held() == before
    assert command("export", second, out, "--format", format, "--force")[0] == 0
    assert held() != before
    command("export", first, out, "--format", format, "--force")
    assert held() == before


def test_force_does_not_overwrite_checkpoint(
    command: Command, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    before = files(tiny_checkpoint)
    (tmp_path / "file").write_text("text")
    for format, out in (("hf", tiny_checkpoint), ("hf", tmp_path / "file"),
                        ("gguf", tiny_checkpoint)):  # fmt: skip
        code, _, complaint = command("export", tiny_checkpoint, out, "--format", format, "--force")
        assert code == EXIT_FAILURE
        assert complaint.startswith(f"{out} no es lo que escribiría esta orden")
    assert files(tiny_checkpoint) == before
    assert (tmp_path / "file").read_text() == "text"


def test_exports_into_empty_folder(command: Command, tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert command("export", tiny_checkpoint, tmp_path / "out", "--format", "hf")[0] == 0


def test_original_family_cannot_be_exported(command: Command, tmp_path: Path) -> None:
    config = DecoderConfig("reference", TINY_TOKENIZER.size, 16, 16, 1, 2, 32)
    save_checkpoint(tmp_path / "old", Decoder(config), TINY_TOKENIZER, {}, "# old\n")
    for format in ("hf", "gguf"):
        code, _, complaint = command("export", tmp_path / "old", tmp_path / "x", "--format", format)
        assert code == EXIT_FAILURE
        assert complaint == (
            "El modelo old es de la familia reference, que ningún otro motor conoce; sólo se "
            "exportan los de la familia modern.\n"
        )
        assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("options", "exit_code", "part"),
    [
        (["--format", "onnx"], EXIT_USAGE, "--format: «onnx» no vale; se espera hf o gguf"),
        (["--format", "hf", "--precision", "q4"], EXIT_USAGE, "se espera f32, f16 o q8_0"),
        (["--format", "hf", "--precision", "q8_0"], EXIT_FAILURE, "hf no tiene q8_0: use f32"),
        ([], EXIT_USAGE, "falta format"),
    ],
)
def test_invalid_options_fail_with_one_sentence(
    command: Command,
    tiny_checkpoint: Path,
    tmp_path: Path,
    options: list[str],
    exit_code: int,
    part: str,
) -> None:
    code, _, complaint = command("export", tiny_checkpoint, tmp_path / "out", *options)
    assert code == exit_code
    assert part in complaint
    assert len(complaint.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("format", "library"), [("hf", "tokenizers"), ("gguf", "gguf")])
def test_names_missing_library(
    tiny_checkpoint: Path, tmp_path: Path, format: str, library: str
) -> None:
    code = f"import sys; sys.modules[{library!r}] = None; from bot.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "export", tiny_checkpoint, tmp_path / "out",
         "--format", format],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == EXIT_FAILURE
    assert done.stderr == (
        f'Para exportar falta {library}: instálelo con pip install "litteragpt[export]".\n'
    )
    assert not (tmp_path / "out").exists()


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A checkpoint file as LitteraGPT 0.1.0 published it."""
    torch.save(lively(context=96), tmp_path / "modelo.pt")
    return tmp_path / "modelo.pt"


def test_imports_published_checkpoint(command: Command, published: Path, tmp_path: Path) -> None:
    token_map, out = write_token_map(tmp_path / "token_map.json"), tmp_path / "original"
    code, said, _ = command("import", published, "--vocab", token_map, out)
    assert code == 0
    assert str(out) in said
    code, said, _ = command("escribe", "Era", "--checkpoint", out, "--json", "--semilla", 1)
    assert code == 0
    assert len(json.loads(said)["frases"]) == 2


def test_import_replaces_only_checkpoints_with_force(
    command: Command, published: Path, tmp_path: Path
) -> None:
    token_map, out = write_token_map(tmp_path / "token_map.json"), tmp_path / "original"
    words = ["import", published, out, "--vocab", token_map]
    assert command(*words)[0] == 0
    before = files(out)
    torch.save(lively(1, context=96), published)
    code, _, complaint = command(*words)
    assert code == EXIT_FAILURE
    assert "--force" in complaint
    assert files(out) == before
    assert command(*words, "--force")[0] == 0
    assert files(out) != before

    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "love.txt").write_text("text")
    code, _, complaint = command(
        "import", published, tmp_path / "letters", "--vocab", token_map, "--force"
    )
    assert code == EXIT_FAILURE
    assert "no lo sustituyo" in complaint
    assert list(files(tmp_path / "letters")) == ["love.txt"]


def test_import_without_vocabulary_names_option(
    command: Command, published: Path, tmp_path: Path
) -> None:
    code, _, complaint = command("import", published, tmp_path / "out")
    assert code == EXIT_FAILURE
    assert complaint == (
        f"{published} no trae su vocabulario: indique con --vocab el archivo JSON que da un número "
        "a cada carácter.\n"
    )


def test_import_refuses_foreign_vocabulary(
    command: Command, published: Path, tmp_path: Path
) -> None:
    token_map = write_token_map(tmp_path / "token_map.json", " .abc")
    code, _, complaint = command("import", published, tmp_path / "out", "--vocab", token_map)
    assert code == EXIT_FAILURE
    assert complaint == (f"{token_map} tiene 5 caracteres y el modelo 115: no es su vocabulario.\n")
