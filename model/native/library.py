"""The compiled kernel as Python functions; kernel.h documents them.

The library is built during installation if there is a C compiler. It is a plain shared library, not
a Python module: ctypes loads it by file name, and releases the GIL during calls.
"""

from __future__ import annotations

import ctypes
from ctypes import CDLL, POINTER, Structure, c_char_p, c_float, c_int, c_int32, c_void_p
from functools import cache
from importlib.util import find_spec

_MODULE = "model.native._kernel"


class Shape(Structure):
    """`lg_shape`."""

    _fields_ = (
        ("modern", c_int32),
        ("vocabulary", c_int32),
        ("context", c_int32),
        ("width", c_int32),
        ("layers", c_int32),
        ("heads", c_int32),
        ("feed_forward", c_int32),
        ("final_norm", c_int32),
        ("attention_scale", c_float),
        ("memory_orders", c_int32),
        ("memory_words", c_int32),
        ("memory_rows", c_int32),
        ("memory_width", c_int32),
    )


class LayerWeights(Structure):
    """`lg_layer_weights`: addresses of float32 arrays, or None."""

    _fields_ = tuple(
        (name, c_void_p)
        for name in (
            "attention_norm",
            "attention_norm_bias",
            "query",
            "key",
            "value",
            "query_norm",
            "key_norm",
            "out",
            "out_bias",
            "feed_forward_norm",
            "feed_forward_norm_bias",
            "gate",
            "up",
            "up_bias",
            "down",
            "down_bias",
        )
    )


class Weights(Structure):
    """`lg_weights`."""

    _fields_ = (
        ("token_embedding", c_void_p),
        ("position_embedding", c_void_p),
        ("cosines", c_void_p),
        ("sines", c_void_p),
        ("norm", c_void_p),
        ("norm_bias", c_void_p),
        ("head", c_void_p),
        ("head_bias", c_void_p),
        ("memory_symbols", c_void_p),
        ("memory_letters", c_void_p),
        ("memory_tables", c_void_p),
        ("memory_mix", c_void_p),
        ("embedding_norm", c_void_p),
        ("layers", POINTER(LayerWeights)),
    )


_SIGNATURES = {
    "lg_instruction_set": (c_char_p, [c_int]),
    "lg_model_new": (c_void_p, [POINTER(Shape), POINTER(Weights), c_char_p]),
    "lg_model_free": (None, [c_void_p]),
    "lg_memory_rows": (c_int, [c_void_p, c_int, c_void_p, c_void_p]),
    "lg_session_new": (c_void_p, [c_void_p, c_int, c_int, c_void_p, c_int]),
    "lg_session_free": (None, [c_void_p]),
    "lg_extend": (c_int, [c_void_p, c_int, *[c_void_p] * 5]),
    "lg_fork": (c_int, [c_void_p, c_int, c_int, c_int]),
    "lg_draw": (c_int, [c_void_p, c_int, *[c_void_p] * 7]),
    "lg_draft": (c_int, [c_void_p, c_int, c_void_p, c_int, c_void_p, c_int]),
    "lg_set_threads": (c_int, [c_int]),
}


@cache
def load() -> CDLL | None:
    """The library, or None if it was not built or cannot be loaded."""
    spec = find_spec(_MODULE)
    if spec is None or spec.origin is None:
        return None
    try:
        library = ctypes.CDLL(spec.origin)
    except OSError:  # built for another system
        return None
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def instruction_sets() -> list[str]:
    """The supported instruction sets, best first; empty without the library."""
    library, names = load(), list[str]()
    while library is not None and (name := library.lg_instruction_set(len(names))) is not None:
        names.append(name.decode("ascii"))
    return names
