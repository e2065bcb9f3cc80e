"""Engine selection by settings and hardware, without importing torch needlessly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bot.executor.codec import decode
from bot.executor.messages import Ready
from model.checkpoint.discovery import bundled_checkpoints
from model.engine.backend import Backend
from model.engine.generate import generate
from model.engine.loaded_model import LoadedModel
from model.errors import DeviceError
from model.native import library
from model.native.decoder import load_native
from model.pytorch.backend import load_pytorch
from model.pytorch.checkpoint import load_checkpoint
from model.runtime import choose_runtime
from model.text.prompt import Options
from tests.conftest import save_tiny

needs_kernel = pytest.mark.skipif(library.load() is None, reason="the kernel was not built")
SMALL = bundled_checkpoints() / "small"
# Hides the compiled kernel from the import system.
WITHOUT_KERNEL = "import sys; sys.modules['model.native._kernel'] = None; "
ESCRIBE = (
    "from bot.cli import run; "
    "code = run(['escribe', 'Hola', '--frases', '1', '--semilla', '3', '--json']); "
    "print('torch' in sys.modules); sys.exit(code)"
)
WORKER = (
    "import sys; from bot.worker.__main__ import main; "
    "sys.argv = ['worker', {folder!r}, 'auto', 'cpu', '1', '2']; "
    "main(); print('torch' in sys.modules, file=sys.stderr)"
)


def python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program with one CPU thread and empty input."""
    settings = {"LITTERAGPT_DEVICE": "cpu", "LITTERAGPT_THREADS": "1", **environment}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=settings,
        input="",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


@needs_kernel
def test_escribe_runs_natively_without_torch() -> None:
    answer, torch_was_loaded = python("import sys; " + ESCRIBE).stdout.splitlines()
    assert json.loads(answer)["motor"] == "nativo"
    assert torch_was_loaded == "False"


@needs_kernel
def test_worker_runs_natively_without_torch(tiny_checkpoint: Path) -> None:
    done = python(WORKER.format(folder=str(tiny_checkpoint)))
    ready = decode(done.stdout.encode())
    assert isinstance(ready, Ready)
    assert (ready.model.engine, ready.model.device) == ("native", "cpu")
    assert done.stderr == "False\n"


def test_pytorch_replaces_missing_kernel() -> None:
    answer, _ = python(WITHOUT_KERNEL + ESCRIBE).stdout.splitlines()
    assert json.loads(answer)["motor"] == "pytorch"


@needs_kernel
def test_setting_selects_engine() -> None:
    answer, _ = python("import sys; " + ESCRIBE, LITTERAGPT_ENGINE="pytorch").stdout.splitlines()
    assert json.loads(answer)["motor"] == "pytorch"


@needs_kernel
@pytest.mark.parametrize("engine", ["auto", "native"])
def test_cpu_runs_natively(engine: str) -> None:
    runtime = choose_runtime(engine, "cpu", threads=1)
    assert (runtime.engine, runtime.device, runtime.threads) == ("native", "cpu", 1)


def test_missing_kernel_is_refused_if_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "load", lambda: None)
    assert choose_runtime("auto", "cpu", threads=1).engine == "pytorch"
    with pytest.raises(DeviceError) as refused:
        choose_runtime("native", "cpu", threads=1)
    assert refused.value.code == "no_native"


def test_no_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "load", lambda: None)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DeviceError) as refused:
        choose_runtime("auto", "auto", threads=1)
    assert refused.value.code == "no_decoder"


def test_native_on_cuda_is_refused() -> None:
    with pytest.raises(DeviceError) as refused:
        choose_runtime("native", "cuda")
    assert refused.value.code == "native_cuda"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("engine", ["auto", "pytorch"])
def test_missing_gpu_is_refused(engine: str) -> None:
    with pytest.raises(DeviceError) as refused:
        choose_runtime(engine, "cuda")
    assert refused.value.code == "no_cuda"


@needs_kernel
def test_engines_load_same_checkpoint(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    native: LoadedModel[Backend] = load_native(folder)
    pytorch: LoadedModel[Backend] = load_pytorch(folder)
    assert (native.name, native.id, native.tokenizer) == (
        pytorch.name,
        pytorch.id,
        pytorch.tokenizer,
    )
    assert native.decoder.parameter_count == pytorch.decoder.parameter_count
    options = Options(temperature=0, sentences=1, sentence_limit=40)
    texts = [generate(each, "Hola", options).text for each in (native, pytorch)]
    assert texts[0][:8] == texts[1][:8]


@needs_kernel
def test_rounding_costs_little() -> None:
    """On one paragraph; benchmarks.decoding measures the validation text."""
    pytorch, native = load_checkpoint(SMALL), load_native(SMALL)
    text = (
        "La heroica ciudad dormía la siesta. El viento Sur, caliente y perezoso, empujaba las "
        "nubes blanquecinas que se rasgaban al correr hacia el Norte. En las calles no había más "
        "ruido que el rumor estridente de los remolinos de polvo, trapos, pajas y papeles."
    )
    tokens = native.tokenizer.encode(text)
    with torch.inference_mode():
        expected = pytorch.decoder(torch.tensor([tokens]))[0].log_softmax(-1).numpy()
    found = torch.from_numpy(native.decoder.logits(tokens)).log_softmax(-1).numpy()
    places = np.arange(len(tokens) - 1), tokens[1:]
    assert abs(found[places].mean() - expected[places].mean()) < 0.01
