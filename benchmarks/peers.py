"""How fast other engines write with the same weights: transformers, CTranslate2 and llama.cpp.

`benchmarks.decoding --peers FOLDER` exports both shapes into the folder and starts this module once
for each figure. Every engine samples at temperature 0.8 with its own sampler, and is asked for the
same number of characters from the same phrase. They are in an environment of their own: see
`make bench-peers`.
"""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Callable
from pathlib import Path

from model.checkpoint.checkpoint import StoredCheckpoint

TEMPERATURE = 0.8
PEERS = (
    "transformers float32",
    "ctranslate2 float32",
    "ctranslate2 int8",
    "llama.cpp F16",
    "llama.cpp Q8_0",
)
# Characters a second of all texts, and seconds to the first character.
Speeds = tuple[float, float]


def prepare(stored: StoredCheckpoint, folder: Path) -> None:
    """Export a checkpoint in the forms that the peers read."""
    from ctranslate2.converters import TransformersConverter

    from model.exchange.gguf import export_gguf
    from model.exchange.hf import export_hf

    folder.mkdir(parents=True)
    export_hf(stored, folder / "hf")
    for precision in ("f16", "q8_0"):
        export_gguf(stored, folder / f"{precision}.gguf", precision)
    converted = folder / "ctranslate2"
    TransformersConverter(str(folder / "hf")).convert(str(converted))
    # It wants names for tokens that our texts do not have.
    config = json.loads((converted / "config.json").read_text("utf-8"))
    config["eos_token"] = config["unk_token"] = config["bos_token"]
    (converted / "config.json").write_text(json.dumps(config), "utf-8")


def write(
    peer: str, folder: Path, tokens: list[int], requests: int, characters: int, threads: int
) -> Speeds:
    """Writes a number of characters of several texts at once after the given tokens."""
    engine, precision = peer.split()
    engines: dict[str, Callable[..., Speeds]] = {
        "transformers": _transformers,
        "ctranslate2": _ctranslate2,
        "llama.cpp": _llama_cpp,
    }
    return engines[engine](folder, precision.lower(), tokens, requests, characters, threads)


def _transformers(
    folder: Path, precision: str, tokens: list[int], requests: int, characters: int, threads: int
) -> Speeds:
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(
        folder / "hf", dtype=getattr(torch, precision), local_files_only=True
    ).eval()

    def generate(count: int) -> float:
        begun = time.perf_counter()
        with torch.inference_mode():
            model.generate(
                torch.tensor([tokens] * requests),
                attention_mask=torch.ones(requests, len(tokens), dtype=torch.int64),
                do_sample=True,
                temperature=TEMPERATURE,
                top_k=0,
                max_new_tokens=count,
                min_new_tokens=count,
            )
        return time.perf_counter() - begun

    generate(8)
    first = generate(1)
    return requests * characters / generate(characters), first


def _ctranslate2(
    folder: Path, precision: str, tokens: list[int], requests: int, characters: int, threads: int
) -> Speeds:
    import ctranslate2

    model = ctranslate2.Generator(
        str(folder / "ctranslate2"), compute_type=precision, intra_threads=threads
    )
    names = json.loads((folder / "ctranslate2" / "vocabulary.json").read_text("utf-8"))
    prompt = [names[token] for token in tokens]

    def generate(count: int) -> float:
        begun = time.perf_counter()
        model.generate_batch(
            [prompt] * requests,
            max_length=count,
            min_length=count,
            sampling_temperature=TEMPERATURE,
            sampling_topk=len(names),
            include_prompt_in_result=False,
        )
        return time.perf_counter() - begun

    generate(8)
    first = generate(1)
    return requests * characters / generate(characters), first


def _llama_cpp(
    folder: Path, precision: str, tokens: list[int], requests: int, characters: int, threads: int
) -> Speeds:
    """Through the library itself, one batch of a token of every text a step, as its own programs
    do: the Python class around it would take longer than the model."""
    import llama_cpp as llama

    silent = llama.llama_log_callback(lambda *_: None)
    llama.llama_log_set(silent, ctypes.c_void_p(0))
    llama.llama_backend_init()
    model = llama.llama_model_load_from_file(
        str(folder / f"{precision}.gguf").encode(), llama.llama_model_default_params()
    )
    settings = llama.llama_context_default_params()
    each = -(-(len(tokens) + characters + 8) // 32) * 32
    settings.n_ctx, settings.n_batch, settings.n_ubatch = each * requests, 512, 512
    settings.n_seq_max = requests
    settings.n_threads = settings.n_threads_batch = threads
    context = llama.llama_init_from_model(model, settings)
    samplers = []
    for seed in range(requests):
        chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_temp(TEMPERATURE))
        llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_dist(seed))
        samplers.append(chain)
    batch = llama.llama_batch_init(max(len(tokens), requests), 0, 1)

    def decode(columns: list[tuple[int, int, int, bool]]) -> None:
        batch.n_tokens = len(columns)
        for index, (token, position, text, wanted) in enumerate(columns):
            batch.token[index], batch.pos[index] = token, position
            batch.n_seq_id[index], batch.seq_id[index][0] = 1, text
            batch.logits[index] = wanted
        if llama.llama_decode(context, batch) != 0:
            raise RuntimeError("llama.cpp cannot decode")

    last, first = [], 0.0
    for text in range(requests):
        begun = time.perf_counter()
        end = len(tokens) - 1
        decode([(token, place, text, place == end) for place, token in enumerate(tokens)])
        last.append(llama.llama_sampler_sample(samplers[text], context, -1))
        first = first or time.perf_counter() - begun
    begun = time.perf_counter()
    for step in range(characters):
        position = len(tokens) + step
        decode([(last[text], position, text, True) for text in range(requests)])
        last = [llama.llama_sampler_sample(samplers[n], context, n) for n in range(requests)]
    return requests * characters / (time.perf_counter() - begun), first
