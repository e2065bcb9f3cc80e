"""Hostile files, made to run code or exhaust memory: refused in one sentence, and no code runs."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from model.errors import CheckpointError, ExchangeError
from model.exchange.original import import_original
from tests.model.exchange.published import lively, write_token_map

MARKER = "ran"


class Call:
    """Unpickling this calls a function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.function, self.arguments


def touching(folder: Path) -> Call:
    """A call that creates the marker if it runs."""
    return Call(os.system, f"touch {folder / MARKER}")


def archive(
    path: Path, described: bytes, compression: int = zipfile.ZIP_STORED, **members: bytes
) -> Path:
    """A file in the format of torch.save, with this description of its object."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", described, compression)
        for name, content in members.items():
            file.writestr(f"archive/{name}", content, compression)
    return path


def refusal(path: Path) -> tuple[str, str]:
    """The code and text of the refusal; asserts that no code ran and nothing was written."""
    folder = path.parent
    token_map = write_token_map(folder / "token_map.json")
    with pytest.raises((ExchangeError, CheckpointError)) as refused:
        import_original(path, folder / "out", token_map)
    assert not (folder / MARKER).exists()
    assert not (folder / "out").exists()
    assert len(str(refused.value).splitlines()) == 1
    return refused.value.code, str(refused.value)


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small valid file."""
    buffer = io.BytesIO()
    torch.save(lively(width=4, heads=1, layers=1, context=2), buffer)
    folder = tmp_path_factory.mktemp("genuine")
    (folder / "model.pt").write_bytes(buffer.getvalue())
    import_original(folder / "model.pt", folder / "out", write_token_map(folder / "token_map.json"))
    return buffer.getvalue()


def members(content: bytes) -> dict[str, bytes]:
    """The members of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def repacked(path: Path, held: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in held.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_call_is_refused_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    described = pickle.dumps(touching(tmp_path), protocol)
    code, words = refusal(archive(tmp_path / "m.pt", described))
    assert code == "foreign_name"
    assert "system" in words


CALLS: dict[str, Callable[[Path], object]] = {
    "eval": lambda f: Call(eval, f"__import__('os').mkdir({str(f / MARKER)!r})"),
    "exec": lambda f: Call(exec, f"import os; os.mkdir({str(f / MARKER)!r})"),
    "open": lambda f: Call(open, str(f / MARKER), "w"),
    "Popen": lambda f: Call(subprocess.Popen, ["touch", str(f / MARKER)]),
    "mkdir": lambda f: Call(os.mkdir, str(f / MARKER)),
    "getattr": lambda f: Call(getattr, "a", "upper"),
    "loads": lambda f: Call(pickle.loads, pickle.dumps(touching(f))),
    "torch.load": lambda f: Call(torch.load, str(f / "m.pt")),
    "bytearray": lambda f: Call(bytearray, 10**12),
    "in a list": lambda f: [1, {"a": (touching(f),)}],
    "as a key": lambda f: {"a": 1, "b": touching(f)},
    "class": lambda f: Path("a"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_unlisted_name_is_refused(tmp_path: Path, call: str, protocol: int) -> None:
    described = pickle.dumps(CALLS[call](tmp_path), protocol)
    assert refusal(archive(tmp_path / "m.pt", described))[0] == "foreign_name"


@pytest.mark.parametrize("place", ["attribute", "module", "parameter", "hook", "key"])
def test_call_inside_genuine_model_does_not_run(tmp_path: Path, place: str) -> None:
    model, call = lively(width=4, heads=1, layers=1, context=2), touching(tmp_path)
    if place == "attribute":
        model.more = call  # type: ignore[assignment]
    elif place == "module":
        model._modules["more"] = call  # type: ignore[assignment]
    elif place == "parameter":
        model.lm_head._parameters["more"] = call  # type: ignore[assignment]
    elif place == "hook":
        model._forward_hooks[0] = call  # type: ignore[assignment]
    else:
        model.__dict__["more"] = {call: 1}
    torch.save(model, tmp_path / "m.pt")
    assert refusal(tmp_path / "m.pt")[0] == "foreign_name"


class PersistentPickler(pickle.Pickler):
    """Pickles text as persistent ids of a storage, with another object as its type."""

    def __init__(self, file: io.BytesIO, inside: object) -> None:
        super().__init__(file, 2)
        self.inside = inside

    def persistent_id(self, value: object) -> object:
        return ("storage", self.inside, "0", "cpu", 1) if value == "storage here" else None


def test_call_inside_persistent_id_does_not_run(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    PersistentPickler(buffer, touching(tmp_path)).dump(["storage here"])
    assert refusal(archive(tmp_path / "m.pt", buffer.getvalue()))[0] == "foreign_name"


def extension(code: int) -> bytes:
    """An instruction for a name in this process's extension registry."""
    copyreg.add_extension("os", "system", code)
    return b"\x80\x02\x82" + bytes([code]) + b"X\x04\x00\x00\x00true\x85R."


LINEAR = b"ctorch.nn.modules.linear\nLinear\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"


def tensor(numbers: int, offset: int, shape: object, strides: object) -> bytes:
    """A tensor with these arguments, over a storage that claims `numbers` numbers."""

    def spelled(value: object) -> bytes:
        return pickle.dumps(value, 2)[2:-1]

    inside = b"".join(map(spelled, (offset, shape, strides, False)))
    return b"\x80\x02" + REBUILD + b"(" + STORAGE + spelled(numbers) + b"tQ" + inside + b")tR."


NONSENSE: dict[str, bytes] = {
    "nothing": b"",
    "no end": b"\x80\x02N",
    "only an end": b"\x80\x02.",
    "a call of nothing": b"\x80\x02R.",
    "a call of text": b"\x80\x02X\x01\x00\x00\x00a)R.",
    "a call without arguments": b"\x80\x02" + REBUILD + b")R.",
    "a call of a class": b"\x80\x02" + LINEAR + b")R.",
    "a call with a list": b"\x80\x02" + REBUILD + b"]R.",
    "an object of nothing": b"\x80\x02\x81.",
    "an object of a function": b"\x80\x02" + REBUILD + b")\x81.",
    "an object with arguments": b"\x80\x02" + LINEAR + b"K\x01\x85\x81.",
    "an object with keywords": b"\x80\x04" + LINEAR + b")}\x92.",
    "an old object": b"(S'true'\nios\nsystem\n.",
    "another old object": b"(cos\nsystem\nS'true'\no.",
    "a new attribute of a function": b"\x80\x02" + REBUILD + b"}X\x01\x00\x00\x00aNsb.",
    "a state that is no dictionary": b"\x80\x02" + LINEAR + b")\x81K\x01b.",
    "slots": b"\x80\x02" + LINEAR + b")\x81N}\x86b.",
    "a state for a number": b"\x80\x02K\x01}b.",
    "a mark that is missing": b"\x80\x02t.",
    "pop of nothing": b"00.",
    "marks": b"(" * 200_000 + b".",
    "a million dictionaries": b"}" * 1_000_000 + b".",
    "an unknown memory": b"\x80\x02h\x05.",
    "a far memory": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "a negative memory": b"Np-1\n.",
    "an unknown instruction": b"\x80\x02\xff.",
    "an unknown protocol": b"\x80\xff.",
    "an extension": extension(240),
    "a persistent id of text": b"Pstorage\n.",
    "a persistent id of nothing": b"\x80\x02Q.",
    "a persistent id of a number": b"\x80\x02K\x01Q.",
    "a buffer from outside": b"\x80\x05\x97.",
    "text longer than the file": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"a.",
    "text longer than memory": b"\x80\x04\x8d" + struct.pack("<Q", 2**64 - 1) + b"a.",
    "bytes longer than the file": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"a.",
    "an array longer than the file": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"a.",
    "a number longer than the file": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"a.",
    "a number of negative length": b"\x80\x02\x8b" + struct.pack("<i", -5) + b"a.",
    "a number of many digits": b"I" + b"9" * 100_000 + b"\n.",
    "a number that is none": b"Iten\n.",
    "text that is no UTF-8": b"\x80\x02X\x01\x00\x00\x00\xff.",
    "tuples in tuples": b"\x80\x02)" + b"\x85" * 500_000 + b".",
    "lists in lists": b"\x80\x02" + b"(" * 100_000 + b"l" * 100_000 + b".",
    "tuples in a key": b"\x80\x02})" + b"\x85" * 500_000 + b"Ns.",
    "a list as key": b"\x80\x02}]Ns.",
    "items of a number": b"\x80\x02K\x01NNs.",
    "odd items": b"\x80\x02}(Nu.",
    "a list in itself": b"\x80\x02]q\x00h\x00a.",
    "a dictionary in itself": b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.",
    "a name that is a number": b"\x80\x04K\x01K\x02\x93.",
    "a name behind dots": b"\x80\x04\x8c\x08torch.nn\x8c\x10modules.os.system\x93.",
    "a class made of itself": b"\x80\x02" + LINEAR + b")\x81q\x00}X\x01\x00\x00\x00ah\x00sb.",
    "the right name on anything": b"\x80\x02c__main__\nBigramLanguageModel\n)\x81.",
    "a plain value": pickle.dumps({"model": [1, 2.5, b"x", {1}, None, True]}, 2),
    "a plain tensor": tensor(6, 0, (2, 3), (3, 1)),
    "a tensor of nothing": tensor(6, 0, (0, 3), (3, 1)),
    "a tensor of more than there is": tensor(6, 0, (10**9, 10**9), (10**9, 1)),
    "a tensor that repeats itself": tensor(6, 0, (10**9, 10**9), (0, 0)),
    "a tensor outside its storage": tensor(6, 5, (2, 3), (3, 1)),
    "a tensor before its storage": tensor(6, -1, (2, 3), (3, 1)),
    "a tensor that runs backwards": tensor(6, 5, (2, 3), (-3, -1)),
    "a tensor without strides": tensor(6, 0, (2, 3), ()),
    "a tensor of words": tensor(6, 0, ("a",), (1,)),
    "a tensor of truth": tensor(6, 0, (True,), (1,)),
    "a storage of fewer than none": tensor(-6, 0, (1,), (1,)),
}  # fmt: skip


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_refused(tmp_path: Path, what: str) -> None:
    refusal(archive(tmp_path / "m.pt", NONSENSE[what]))


@pytest.mark.parametrize("value", ["[[]]", "set", "OrderedDict"])
def test_arguments_of_known_functions_are_checked(tmp_path: Path, value: str) -> None:
    described = {
        "[[]]": b"\x80\x02ccollections\nOrderedDict\n]]a\x85R.",
        "set": b"\x80\x02c__builtin__\nset\nK\x05\x85R.",
        "OrderedDict": b"\x80\x02ctorch._utils\n_rebuild_parameter\nN\x89N\x87R.",
    }[value]
    refusal(archive(tmp_path / "m.pt", described))


def test_large_shape_is_not_allocated(tmp_path: Path, genuine: bytes) -> None:
    """Shapes as large as a configuration allows, over storages that only claim their size."""
    held = members(genuine)
    name = next(name for name in held if name.endswith("data.pkl"))
    # Claim 4096×4096 numbers instead of 115×4, in the storage, the tensor and its strides.
    described = held[name].replace(b"M\xcc\x01", b"J\x00\x00\x00\x01")
    described = described.replace(b"KsK\x04\x86", b"M\x00\x10M\x00\x10\x86")
    described = described.replace(b"K\x04K\x01\x86", b"M\x00\x10K\x01\x86")
    assert described != held[name]
    refusal(repacked(tmp_path / "m.pt", held | {name: described}))


@pytest.mark.parametrize("what", ["data.pkl", "data/0"])
def test_zip_bomb_is_refused(tmp_path: Path, genuine: bytes, what: str) -> None:
    held = members(genuine)
    name = next(name for name in held if name.endswith(what))
    bomb = held[name] + bytes(64 * 2**20)
    path = repacked(tmp_path / "m.pt", held | {name: bomb}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**20
    assert refusal(path)[0] == "damaged"


def test_endless_description_is_not_read(tmp_path: Path) -> None:
    described = b"\x80\x02" + b"N0" * 2**24 + b"N."
    assert refusal(archive(tmp_path / "m.pt", described))[0] == "damaged"


def without(suffix: str) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda held: {name: each for name, each in held.items() if not name.endswith(suffix)}


def changed(suffix: str, change: Callable[[bytes], bytes]) -> Callable[..., dict[str, bytes]]:
    return lambda held: {
        name: change(each) if name.endswith(suffix) else each for name, each in held.items()
    }


ARCHIVES: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "no description": without("data.pkl"),
    "two descriptions": lambda held: held | {"b/data.pkl": b"N."},
    "a storage missing": without("data/0"),
    "a storage too short": changed("data/0", lambda each: each[:-4]),
    "a storage too long": changed("data/0", lambda each: each + b"more"),
    "another byte order": changed("byteorder", lambda each: b"big"),
    "nothing at all": lambda held: {},
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_incomplete_archive_is_refused(tmp_path: Path, genuine: bytes, what: str) -> None:
    refusal(repacked(tmp_path / "m.pt", ARCHIVES[what](members(genuine))))


def legacy(model: object, protocol: int = 2) -> bytes:
    buffer = io.BytesIO()
    torch.save(model, buffer, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_legacy_torch_format_is_named(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "m.pt").write_bytes(legacy(touching(tmp_path), protocol))
    assert refusal(tmp_path / "m.pt")[0] == "legacy_torch"


@pytest.mark.parametrize(
    "content",
    [b"", b"P", b"PK\x03\x04", b"hola\n" * 100, b"PK\x05\x06" + bytes(18), bytes(1000),
     b"\x7fELF" + bytes(100)],
)  # fmt: skip
def test_file_of_other_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.pt").write_bytes(content)
    refusal(tmp_path / "m.pt")


def test_bare_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(pickle.dumps(touching(tmp_path)))
    assert refusal(tmp_path / "m.pt")[0] == "not_torch"


def test_weights_alone_and_folders_are_refused(tmp_path: Path) -> None:
    torch.save(lively().state_dict(), tmp_path / "m.pt")
    assert refusal(tmp_path / "m.pt")[0] == "not_original"
    (tmp_path / "folder").mkdir()
    assert refusal(tmp_path / "folder")[0] == "unreadable"
    assert refusal(tmp_path / "nowhere.pt")[0] == "unreadable"


def test_truncated_file_is_refused(tmp_path: Path, genuine: bytes) -> None:
    for length in range(0, len(genuine), len(genuine) // 97):
        (tmp_path / "m.pt").write_bytes(genuine[:length])
        refusal(tmp_path / "m.pt")


def accepted_or_refused(folder: Path, path: Path) -> None:
    """A mutated file is either read or refused."""
    token_map = write_token_map(folder / "token_map.json")
    try:
        import_original(path, folder / "out", token_map)
    except (ExchangeError, CheckpointError):
        assert not (folder / "out" / "model.safetensors").exists()
    else:
        (folder / "out" / "model.safetensors").unlink()


CHANGES = st.lists(st.tuples(st.integers(0, 10**9), st.binary(min_size=0, max_size=3)), max_size=4)
FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def with_changes(content: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    for place, change in changes:
        start = place % len(content)
        content = content[:start] + change + content[start + max(1, len(change)) :]
    return content


@FUZZ
@given(changes=CHANGES)
def test_changed_description_is_read_or_refused(
    tmp_path: Path, genuine: bytes, changes: list[tuple[int, bytes]]
) -> None:
    held = members(genuine)
    name = next(name for name in held if name.endswith("data.pkl"))
    described = with_changes(held[name], changes)
    accepted_or_refused(tmp_path, repacked(tmp_path / "m.pt", held | {name: described}))


@FUZZ
@given(changes=CHANGES)
def test_changed_archive_is_read_or_refused(
    tmp_path: Path, genuine: bytes, changes: list[tuple[int, bytes]]
) -> None:
    (tmp_path / "m.pt").write_bytes(with_changes(genuine, changes))
    accepted_or_refused(tmp_path, tmp_path / "m.pt")


def limited() -> None:
    """Limits: half a gigabyte of memory and ten seconds of CPU time."""
    resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))


WORST = [
    "text longer than the file",
    "an array longer than the file",
    "a far memory",
    "tuples in tuples",
    "tuples in a key",
    "lists in lists",
    "marks",
    "a million dictionaries",
    "a number of many digits",
    "a tensor that repeats itself",
]


def shared_modules() -> object:
    """1,465 bytes that describe twelve to the power of eight modules."""
    model, inner = lively(width=4, heads=1, layers=1, context=2), nn.ModuleList()
    for _ in range(7):
        inner = nn.ModuleList([inner] * 12)
    model.more = inner
    return model


def shared_entries() -> object:
    """Modules that share one dictionary: a thousand times a thousand entries."""
    model = lively(width=4, heads=1, layers=1, context=2)
    modules = [nn.Dropout() for _ in range(1000)]
    held = {str(number): nn.Parameter(torch.ones(1)) for number in range(1000)}
    for module in modules:
        module._parameters = held  # type: ignore[assignment]
    model.more = nn.ModuleList(modules)
    return model


def long_names() -> object:
    """One name of half a megabyte, as the prefix of many others."""
    model = lively(width=4, heads=1, layers=1, context=2)
    model._modules["a" * 500_000] = nn.ModuleList(nn.Dropout() for _ in range(1000))
    return model


def many_maps() -> object:
    """Thousands of references to one map that is nearly a vocabulary."""
    model = lively(width=4, heads=1, layers=1, context=2)
    held = {" ": 0, ".": 1} | {chr(0x4E00 + number): number for number in range(20_000)}
    for number in range(20_000):
        model.__dict__[f"a{number}"] = held
    return model


def itself() -> object:
    """A module inside itself."""
    model = lively(width=4, heads=1, layers=1, context=2)
    model.more = model
    return model


_MADE = (shared_modules, shared_entries, long_names, many_maps, itself)
MODELS = {made.__name__: made for made in _MADE}
HUGE = 2 ** (8 * 3000)
SHAPES: dict[str, bytes] = {
    "shapes of huge numbers": tensor(HUGE, 0, (HUGE,) * 100, (1,) * 100),
    "many huge numbers": pickle.dumps([HUGE + number for number in range(260)], 2),
    "many dimensions": tensor(2**62, 0, (2**62,) * 60_000, (0,) * 60_000),
    "many small dimensions": tensor(2**62, 0, (1,) * 200_000, (0,) * 200_000),
    "sums of huge numbers": tensor(HUGE, HUGE, (2,) * 8, (HUGE,) * 8),
}


@pytest.mark.parametrize("what", [*MODELS, *SHAPES])
def test_small_file_takes_little_time_and_memory(tmp_path: Path, what: str) -> None:
    path = tmp_path / ("own.pt" if what == "many_maps" else "m.pt")  # with its own vocabulary
    if what in MODELS:
        torch.save(MODELS[what](), path)
    else:
        archive(path, SHAPES[what])
    assert path.stat().st_size < 2**20
    done = import_with_limits(path)
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr
    assert not (tmp_path / "out").exists()


def test_stride_of_single_number_is_arbitrary(tmp_path: Path) -> None:
    """A dimension of size 1 whose stride in bytes exceeds 64 bits."""
    model = lively(width=4, heads=1, layers=1, context=1)
    table = model.position_embedding_table.weight
    table.data = torch.as_strided(table.data.clone(), (1, 4), (2**61, 1))
    torch.save(model, tmp_path / "n.pt")
    token_map = write_token_map(tmp_path / "token_map.json")
    import_original(tmp_path / "n.pt", tmp_path / "strided", token_map)


def import_with_limits(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the command on a file, with little memory and time."""
    own = path.name == "own.pt"
    token_map = [] if own else ["--vocab", str(write_token_map(path.parent / "map.json"))]
    code = "import sys; from bot.cli import run; code = run(sys.argv[1:]); " \
           "assert 'torch' not in sys.modules; sys.exit(code)"  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", code, "import", path, path.parent / "out", *token_map],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=limited,
    )


@pytest.mark.parametrize("what", [*WORST, "a call", "a genuine file"])
def test_command_refuses_in_one_sentence_and_little_memory(
    tmp_path: Path, genuine: bytes, what: str
) -> None:
    path = tmp_path / "m.pt"
    if what == "a genuine file":
        path.write_bytes(genuine)
    else:
        archive(path, NONSENSE.get(what) or pickle.dumps(touching(tmp_path), 2))
    done = import_with_limits(path)
    assert not (tmp_path / MARKER).exists()
    if what == "a genuine file":
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr
    assert not (tmp_path / "out").exists()


def test_unpickling_would_run_the_call(tmp_path: Path) -> None:
    """The files above are not harmless by accident."""
    pickle.loads(pickle.dumps(touching(tmp_path)))  # noqa: S301
    assert (tmp_path / MARKER).exists()
