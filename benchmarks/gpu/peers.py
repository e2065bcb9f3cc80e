"""How fast other engines write on a GPU with the same weights: transformers and vLLM.

    python -m benchmarks.gpu.peers PEER FOLDER DEVICE SIZES

Both read the export of `model.exchange.hf` and sample at temperature 0.8. Each installed one runs
in a process of its own, once for every batch size. It gets token ids, so no tokenizer takes part.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from rich.table import Table

from model.checkpoint.checkpoint import StoredCheckpoint
from model.engine.benchmark import PHRASE

PEERS = ("transformers", "vllm")
TEMPERATURE = 0.8
CHARACTERS = 256
LONGEST = 100.0  # seconds for a peer
Write = Callable[[list[int], int, int], None]  # tokens, texts, characters
Speeds = dict[str, float]  # characters a second by the number of texts


def measure_apart(
    found: StoredCheckpoint, folder: Path, device: str, sizes: list[int]
) -> dict[str, Speeds]:
    """Speeds of the installed engines; a failed or slow one is reported and left out."""
    exported = folder / found.name / "hf"
    if not exported.exists():
        from model.exchange.hf import export_hf

        exported.parent.mkdir(parents=True, exist_ok=True)
        export_hf(found, exported)
    (exported / "phrase.json").write_text(json.dumps(_phrase(found)), "utf-8")
    measured = {}
    for peer in PEERS:
        if find_spec(peer) is None:
            print(f"{peer} is not installed", file=sys.stderr)
            continue
        arguments = [peer, str(exported), device, ",".join(map(str, sizes))]
        command = [sys.executable, "-m", "benchmarks.gpu.peers", *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=LONGEST
            )
            measured[peer] = json.loads(done.stdout.splitlines()[-1])
        except subprocess.CalledProcessError as error:
            print(f"{peer} failed: {error.stderr.strip()[-400:]}", file=sys.stderr)
        except subprocess.TimeoutExpired:
            print(f"{peer} took too long", file=sys.stderr)
    return measured


def table_of(peers: dict[str, Speeds], sizes: list[int]) -> Table:
    """The figures as a table."""
    table = Table()
    for heading in ("other engines", *(f"{size} at once" for size in sizes)):
        table.add_column(heading, justify="right")
    for peer, speeds in peers.items():
        table.add_row(peer, *(f"{speeds[str(size)]:,.0f}" for size in sizes))
    return table


def _phrase(found: StoredCheckpoint) -> list[int]:
    return [found.tokenizer.start, *found.tokenizer.encode(PHRASE)]


def _transformers(folder: Path, device: str, most: int) -> Write:
    import torch
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
    model = model.eval().to(device)

    def write(tokens: list[int], texts: int, characters: int) -> None:
        with torch.inference_mode():
            model.generate(
                torch.tensor([tokens] * texts, device=device),
                attention_mask=torch.ones(texts, len(tokens), dtype=torch.int64, device=device),
                do_sample=True,
                temperature=TEMPERATURE,
                top_k=0,
                max_new_tokens=characters,
                min_new_tokens=characters,
            ).cpu()

    return write


def _vllm(folder: Path, device: str, most: int) -> Write:
    from vllm import LLM, SamplingParams

    model = LLM(
        str(folder),
        skip_tokenizer_init=True,
        dtype="bfloat16",
        gpu_memory_utilization=0.3,
        max_num_seqs=most,
    )

    def write(tokens: list[int], texts: int, characters: int) -> None:
        wanted = SamplingParams(
            temperature=TEMPERATURE, max_tokens=characters, ignore_eos=True, detokenize=False
        )
        model.generate([{"prompt_token_ids": tokens}] * texts, wanted, use_tqdm=False)

    return write


def main() -> None:
    """Print characters a second as JSON."""
    peer, folder, device, listed = sys.argv[1:]
    sizes = [int(size) for size in listed.split(",")]
    tokens = json.loads((Path(folder) / "phrase.json").read_text("utf-8"))
    write = {"transformers": _transformers, "vllm": _vllm}[peer](Path(folder), device, max(sizes))
    speeds: Speeds = {}
    for size in sizes:
        write(tokens, size, 8)
        times = []
        for _ in range(2):
            begun = time.perf_counter()
            write(tokens, size, CHARACTERS)
            times.append(time.perf_counter() - begun)
        speeds[str(size)] = size * CHARACTERS / statistics.median(times)
    print(json.dumps(speeds))


if __name__ == "__main__":
    main()
