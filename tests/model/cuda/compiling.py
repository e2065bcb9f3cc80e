"""Compile the kernels for an NVIDIA Hopper GPU and print the result.

    python -m tests.model.cuda.compiling

Shapes are those of `base`. For each kernel: bytes of shared memory, and whether the card's units
for matrices are used. Exits with an error where one does not compile.
"""

from __future__ import annotations

from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from model.cuda import triton_kernels as kernels
from model.cuda import triton_step as steps
from model.cuda.buffers import BASE, RING, STATE_SIZE, TOKENS, UNIFORMS

HOPPER = GPUTarget("cuda", 90, 32)
INTEGERS, FLOATS, HALVES, SLOTS = "*i32", "*fp32", "*bf16", "*i64"
WIDTH, HEADS, HALF, CONTEXT, HIDDEN, VOCABULARY = 512, 8, 32, 528, 1376, 107

LINES = {
    "INPUT": UNIFORMS + 224,
    "STATE": STATE_SIZE,
    "BASE": BASE,
    "UNIFORMS": UNIFORMS,
    "TOKENS": TOKENS,
    "RING": RING,
    "CONTEXT": CONTEXT,
    "SPECULATIVE": 6,
}
TILES = {"EPS": steps.EPS, "TILE": steps.TILE}
PRODUCT = {"num_stages": 4}


def _parts(sizes: tuple[int, int]) -> dict[str, int]:
    return {"PART": sizes[0], "BLOCK": sizes[1]}


# Name, types of the runtime arguments, compile-time arguments, launch options.
Case = tuple[str, list[str], dict[str, Any], dict[str, int]]
CASES: list[Case] = [
    ("embed", [INTEGERS, FLOATS, FLOATS, INTEGERS, INTEGERS], {"WIDTH": WIDTH, "PADDED": 512}, {}),
    (
        "speculate",
        [INTEGERS, FLOATS, INTEGERS, FLOATS, SLOTS, FLOATS, INTEGERS, INTEGERS, INTEGERS],
        {"SPARE": 16, "WIDTH": WIDTH, "PADDED": 512, "BITS": 17, **LINES},
        {},
    ),
    (
        "project_heads",
        [FLOATS, FLOATS, HALVES, FLOATS, FLOATS, FLOATS, INTEGERS, INTEGERS, *[HALVES] * 3, "i32"],
        {
            "WIDTH": WIDTH,
            "HEADS": HEADS,
            "HALF": HALF,
            "CONTEXT": CONTEXT,
            "BLOCK": steps.HEADS_BLOCK,
            **TILES,
        },
        PRODUCT,
    ),
    (
        "attend",
        [HALVES, HALVES, HALVES, INTEGERS, INTEGERS, HALVES],
        {
            "SCALE": 0.125,
            "HEADS": HEADS,
            "WIDTH": 2 * HALF,
            "CONTEXT": CONTEXT,
            "BLOCK": steps.ATTENTION_BLOCK,
        },
        {},
    ),
    (
        "project_add",
        [HALVES, HALVES, FLOATS, "i32"],
        {"INPUTS": WIDTH, "OUTPUTS": WIDTH, "TILE": steps.TILE, **_parts(steps.OUT)},
        PRODUCT,
    ),
    (
        "project_add down",
        [HALVES, HALVES, FLOATS, "i32"],
        {"INPUTS": HIDDEN, "OUTPUTS": WIDTH, "TILE": steps.TILE, **_parts(steps.DOWN)},
        PRODUCT,
    ),
    (
        "gate",
        [FLOATS, FLOATS, HALVES, HALVES, "i32"],
        {"WIDTH": WIDTH, "HIDDEN": HIDDEN, **TILES, **_parts(steps.GATE)},
        PRODUCT,
    ),
    (
        "head_logits",
        [FLOATS, FLOATS, HALVES, FLOATS, "i32"],
        {"WIDTH": WIDTH, "VOCABULARY": VOCABULARY, **TILES, **_parts(steps.HEAD)},
        PRODUCT,
    ),
    (
        "sample_tokens",
        [FLOATS, FLOATS, *[INTEGERS] * 3, FLOATS, INTEGERS, FLOATS, INTEGERS, INTEGERS],
        {"OUTPUT": 113, "VOCABULARY": VOCABULARY, "PADDED": 128, "MOST": 56, **LINES},
        {"num_warps": 8},
    ),
]


def compiled(case: Case) -> str:
    """The result in words."""
    name, types, known, options = case
    kernel = getattr(kernels, name.partition(" ")[0])
    names = [parameter.name for parameter in kernel.params]
    given = iter(types)
    signature = {each: "constexpr" if each in known else next(given) for each in names}
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, each in enumerate(names)
        if signature[each].startswith("*")
    }
    source = ASTSource(kernel, signature, constexprs=known, attrs=aligned)
    made = triton.compile(source, target=HOPPER, options=options)
    used = " mma" if "mma.sync" in made.asm["ptx"] or "wgmma" in made.asm["ptx"] else ""
    return f"{made.metadata.shared} bytes of shared memory,{used} {len(made.asm['cubin'])} of code"


if __name__ == "__main__":
    for each in CASES:
        print(f"{each[0]}: {compiled(each)}")  # noqa: T201
