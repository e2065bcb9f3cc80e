"""Messages between bot and worker: one line each, and nothing else is accepted."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.executor.codec import LINE_LIMIT, decode, encode
from bot.executor.errors import VALUE_LIMIT, Failure
from bot.executor.executor import Executor
from bot.executor.generation import UnavailableError, WorkerLostError
from bot.executor.messages import (
    Alive,
    Cancel,
    Done,
    Load,
    Loaded,
    Lost,
    Message,
    NotLoaded,
    Ready,
    Refused,
    Replicas,
    Text,
    Unavailable,
    Unusable,
    Write,
)
from bot.executor.model_info import ModelInfo, ReplicaInfo, ReplicaReload
from bot.executor.program import WorkerOptions
from model.engine.result import Result
from model.errors import CheckpointError, CodedError, DeviceError, PromptError
from model.text.prompt import SENTENCE_LIMITS, SENTENCES, Options

MODEL = ModelInfo(
    path=Path("checkpoints/small"),
    name="small",
    checkpoint="0123456789ab",
    parameters=10**7,
    loss=1.25,
    styles=("cervantes", "galdos"),
    device="cpu",
    threads=2,
    engine="native",
    candidates=32,
)
RESULT = Result(
    phrase="En un lugar",
    continuation=" de la Mancha.",
    sentences=("En un lugar de la Mancha.",),
    style=None,
    seed=2**63 - 1,
    checkpoint=MODEL.checkpoint,
    characters=14,
    truncated=0,
    dropped=("\ud800", "\N{DRAGON}"),
    candidates=32,
    rejected={"repetition": 3},
)
STYLE = Failure.of(PromptError("style", value="quevedo", known=("cervantes", "galdos")))
MISSING = Failure.of(CheckpointError("missing", file="model.safetensors"))
REPLICAS = Replicas(
    model=replace(MODEL, loss=None),
    names=("otro", "small"),
    replicas=(ReplicaInfo("one", "127.0.0.3/abc", MODEL.checkpoint, "cpu", 4, 1),),
)
RELOADS = (
    ReplicaReload("one", "127.0.0.3/abc", 2.5, None),
    ReplicaReload("two", "127.0.0.4/def", None, MISSING),
)
MESSAGES = [
    Write(1, "En un lugar", Options(style="cervantes", temperature=0, candidates=None)),
    Cancel(2),
    Load(3, "checkpoints/otro"),
    Ready(MODEL),
    Ready(MODEL, REPLICAS),
    Unusable(Failure.of(DeviceError("no_cuda"))),
    Alive(),
    Text(4, 'dijo: "Sí"\n\u2028'),
    Done(5, RESULT),
    Refused(6, STYLE),
    Loaded(7, 1.5, MODEL),
    Loaded(8, 1.5, MODEL, RELOADS),
    NotLoaded(9, MISSING),
    NotLoaded(10, MISSING, RELOADS),
    REPLICAS,
    Replicas(None, (), ()),
    Lost((1, 2)),
    Unavailable(11),
]
# Any string of Python, lone surrogates too.
STRINGS = st.text(st.characters())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def plain(message: Message) -> Any:
    """The JSON of a message."""
    return json.loads(encode(message))


def line(**content: object) -> bytes:
    return json.dumps(content).encode() + b"\n"


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: type(each).__name__)
def test_message_survives_round_trip(message: Message) -> None:
    encoded = encode(message)
    assert encoded.count(b"\n") == 1
    assert encoded.endswith(b"\n")
    assert decode(encoded) == message


def test_every_kind_of_message_is_tested() -> None:
    assert {type(each) for each in MESSAGES} == set(get_args(Message))


def test_error_survives_round_trip() -> None:
    message = decode(encode(Refused(1, STYLE)))
    assert isinstance(message, Refused)
    error = message.failure.exception()
    assert isinstance(error, PromptError)
    assert error.code == "style"
    assert error.values == {"value": "quevedo", "known": ("cervantes", "galdos")}
    assert str(error) == str(STYLE.exception())


@given(STRINGS, st.integers(0, 2**63 - 1))
def test_any_string_survives_round_trip(text: str, seed: int) -> None:
    for message in (Text(1, text), Write(2, text, Options(seed=seed)), Load(3, text)):
        assert decode(encode(message)) == message


@given(st.binary())
def test_random_bytes_are_one_value_error(noise: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (several texts, and UnicodeDecodeError)
        decode(noise)


@given(JSON)
def test_random_json_is_one_value_error(content: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(json.dumps(content).encode())


@given(st.sampled_from(MESSAGES), st.data())
def test_a_random_value_in_a_field_is_no_other_error(message: Message, data: st.DataObject) -> None:
    content = plain(message)
    target = content
    while True:
        name = data.draw(st.sampled_from(sorted(target)))
        if not isinstance(target[name], dict) or not target[name] or data.draw(st.booleans()):
            break
        target = target[name]
    target[name] = data.draw(JSON)
    with contextlib.suppress(ValueError):
        decode(json.dumps(content).encode())


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"\n",
        b'{"kind": "Alive"',
        b"null",
        b"[]",
        line(),
        line(kind=None),
        line(kind=["Alive"]),
        line(kind="alive"),
        line(kind="Message"),
        line(kind="Alive", number=1),
        line(kind="Cancel"),
        line(kind="Cancel", number="1"),
        line(kind="Cancel", number=True),
        line(kind="Cancel", number=1.0),
        line(kind="Cancel", number=1, phrase="x"),
        line(kind="Text", number=1, text=None),
        line(kind="Lost", numbers=1),
        line(kind="Lost", numbers=[[1]]),
        line(kind="Write", number=1, phrase="x", options={"seed": 1}),
        line(kind="Write", number=1, phrase="x", options=[]),
        line(kind="Refused", number=1, failure={"kind": "KeyError", "code": "x", "values": {}}),
        line(kind="Refused", number=1, failure={"kind": "PromptError", "code": "x", "values": {}}),
        line(
            kind="Refused", number=1, failure={"kind": "PromptError", "code": "style", "values": {}}
        ),
        b'{"kind": "Cancel", "number": ' + b"9" * 5000 + b"}",
        b'{"kind": ' + b"[" * 100_000,
        b"\xff\xfe\n",
    ],
)
def test_malformed_line_is_one_value_error(malformed: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(malformed)


def test_option_out_of_bounds_is_refused_without_its_value() -> None:
    content = plain(Write(1, "Zarzaparrilla", Options()))
    content["options"]["seed"] = -77
    with pytest.raises(ValueError, match="malformed Write: Options with a wrong seed") as refusal:
        decode(json.dumps(content).encode())
    assert "-77" not in str(refusal.value)


def test_values_of_errors_are_cut() -> None:
    huge = "x" * (10 * LINE_LIMIT)
    error = PromptError("style", value=huge, known=(huge, "galdos"))
    failure = Failure.of(error)
    assert failure.values["value"] == huge[:VALUE_LIMIT]
    assert failure.values["known"] == (huge[:VALUE_LIMIT], "galdos")
    assert len(encode(Refused(1, failure))) < LINE_LIMIT


def test_longest_result_fits_on_a_line() -> None:
    sentence = "\N{DRAGON}" * SENTENCE_LIMITS[1]
    sentences = (sentence,) * SENTENCES[1]
    result = replace(RESULT, continuation="".join(sentences), sentences=sentences)
    assert len(encode(Done(1, result))) < LINE_LIMIT


def test_only_coded_errors_are_rebuilt() -> None:
    for kind in ("KeyError", "CodedError", "object", "__class__"):
        with pytest.raises(ValueError, match="no known kind"):
            Failure(kind, "missing", {"file": "x"})
    assert isinstance(MISSING.exception(), CodedError)


SCRIPT = """
import sys
def send(line):
    sys.stdout.buffer.write(line)
    sys.stdout.flush()
send({first!r})
for _ in sys.stdin:
    send({reply!r})
"""


@dataclass(frozen=True)
class Scripted(WorkerOptions):
    """A worker that sends a first line, and another one for each message."""

    first: bytes = b""
    reply: bytes = b""

    def command(self, checkpoint: Path) -> Sequence[str]:
        return ["-c", SCRIPT.format(first=self.first, reply=self.reply)]


@pytest.mark.parametrize("malformed", [line(kind="Nada"), line(kind="Text", number=1), b"?\n"])
async def test_worker_with_malformed_line_is_replaced(
    malformed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    executor = Executor(Scripted(MODEL.path, first=encode(Ready(MODEL)), reply=malformed))
    await executor.start()
    assert executor.serving == MODEL
    with pytest.raises(WorkerLostError):
        await executor.submit("Hola", Options()).result()
    assert "malformed message from the worker" in caplog.text
    await executor.close()


@pytest.mark.parametrize("first", [b"?\n", encode(Alive()), line(kind="Unusable", failure={})])
async def test_start_fails_after_wrong_first_line(first: bytes) -> None:
    executor = Executor(Scripted(MODEL.path, first=first))
    with pytest.raises(UnavailableError, match="the worker began with"):
        await executor.start()


async def test_start_raises_error_of_worker() -> None:
    executor = Executor(Scripted(MODEL.path, first=encode(Unusable(MISSING))))
    with pytest.raises(CheckpointError) as failure:
        await executor.start()
    assert (failure.value.code, str(failure.value)) == ("missing", str(MISSING.exception()))
