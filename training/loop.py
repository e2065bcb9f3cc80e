"""The training loop: steps until the steps or the minutes are used up, then a checkpoint.

A run is its options and its seed. Its state is saved every few minutes and on Ctrl-C, and a run
that was stopped goes on bit for bit as if it had not been (with a schedule by steps; one by
minutes follows the clock). The weights that are kept are their running average where the preset
has one.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from safetensors import SafetensorError
from torch import Tensor

from model.checkpoint import save_checkpoint
from model.decoder import Decoder
from training.card import model_card
from training.compiling import Compiled, LossFunction
from training.corpus import Corpus
from training.dataset import IGNORE, TrainingData, encode_stream
from training.evaluation import OFFSETS, EvaluationError, window_loss
from training.machine import describe_machine, git_revision
from training.optimizers import make_optimizers, rate_factor
from training.plots import plot_losses
from training.presets import Phase, Preset
from training.run_state import Progress, RunState, TrainingError

STATE = "state.safetensors"
LOG = "losses.csv"
PICTURE = "losses.png"
_FULL = ("No space left", "StorageFull", "quota", "QuotaExceeded", "File too large", "FileTooLarge")
_LOG_FIELDS = ("step", "seconds", "characters", "length", "loss", "dev_loss", "rate")


@dataclass(frozen=True)
class Options:
    """What a run is asked for. One of `steps` and `minutes` sets its length; see `Preset.steps`."""

    preset_name: str
    preset: Preset
    out: Path
    command: str
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    resume: bool = False
    device: str = "cpu"
    compile: bool = True
    save_seconds: float = 300.0
    dev_offsets: int = 1

    def settings(self, corpus: Corpus) -> dict[str, Any]:
        """What must be equal for a saved state to be this run's."""
        preset = asdict(replace(self.preset, steps=0))
        return {
            "preset": preset,
            "seed": self.seed,
            "corpus": corpus.name,
            "validation": corpus.facts["sha256_validation"],
            "vocabulary": corpus.tokenizer.size,
        }


@dataclass
class StopRequest:
    """Set by Ctrl-C; looked at between steps. A second Ctrl-C interrupts at once."""

    asked: bool = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Turn SIGINT and SIGTERM into a request while the block runs."""

        def ask(number: int, frame: FrameType | None) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True

        previous = {
            number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


@dataclass
class Outcome:
    """How a run ended: its figures, and whether it was stopped before its end."""

    metrics: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False


class Trainer:
    """One run over one corpus."""

    def __init__(self, options: Options, corpus: Corpus, say: Callable[[str], None]) -> None:
        self.options, self.corpus, self.say = options, corpus, say
        self.preset = options.preset
        decoder = Decoder(self.preset.config(corpus.tokenizer.size))
        decoder.initialize(torch.Generator().manual_seed(options.seed))
        decoder.to(options.device)
        average = {} if self.preset.ema is None else _copy(decoder)
        self.state = RunState(decoder, average, make_optimizers(decoder, self.preset), Progress())
        self.settings = options.settings(corpus)
        if options.resume:
            self.state.load(options.out / STATE, self.settings)
        elif (options.out / STATE).exists():
            raise TrainingError(
                f"{options.out}: holds a run already; go on with it (--resume) "
                "or choose another --out"
            )
        self.data = TrainingData(
            corpus.tokenizer, corpus.train, options.seed, self.state.progress.position
        )
        self.dev = encode_stream(corpus.tokenizer, corpus.dev) if corpus.dev else None
        self.loss_of: LossFunction = (
            Compiled(self._loss, options.device, say) if options.compile else self._loss
        )
        self.stop = StopRequest()
        self.recent: list[float] = []
        self.train_loss: float | None = None  # mean over the steps since the last record

    def run(self) -> Outcome:
        """Train to the end or to a stop request, then write the checkpoint."""
        if self.corpus.train == ():
            raise TrainingError("the corpus has no training text")
        with self.stop.listening(), _disk_errors(self.options.out), _bar() as bar:
            self.options.out.mkdir(parents=True, exist_ok=True)
            task = bar.add_task("training", total=1.0, loss=float("nan"), speed=0.0, left="?")
            last_save = time.monotonic()
            while self.fraction < 1.0 and not self.stop.asked:
                loss, speed = self._step()
                self.recent.append(loss)
                left = self._minutes_left()
                bar.update(task, completed=self.fraction, loss=loss, speed=speed, left=left)
                if time.monotonic() - last_save > self.options.save_seconds:
                    self._record(bar)
                    last_save = time.monotonic()
            self._record(bar)
            return Outcome(self._write_checkpoint(), stopped=self.fraction < 1.0)

    @property
    def fraction(self) -> float:
        """How much of the run is done, 0 to 1."""
        progress, minutes = self.state.progress, self.options.minutes
        if minutes is not None:
            return min(1.0, progress.seconds / (60 * minutes))
        return min(1.0, progress.step / (self.options.steps or self.preset.steps))

    def _phase(self) -> Phase:
        return [phase for phase in self.preset.phases if phase.start <= self.fraction][-1]

    def _minutes_left(self) -> str:
        done = self.fraction
        return f"{self.state.progress.seconds * (1 - done) / done / 60:.0f}" if done > 0 else "?"

    def _step(self) -> tuple[float, float]:
        """One optimiser step. Returns its loss and its speed in characters per second."""
        started = time.monotonic()
        progress, phase = self.state.progress, self._phase()
        # Dropout is drawn from a seed that the step determines: resuming needs no generator state.
        torch.manual_seed(self.options.seed * 1_000_003 + progress.step)
        self.state.decoder.train()
        loss = 0.0
        for _ in range(self.preset.accumulation):
            inputs, targets = (
                torch.from_numpy(part).to(self.options.device)
                for part in self.data.batch(phase.length, phase.batch)
            )
            part_loss = self.loss_of(inputs, targets) / self.preset.accumulation
            part_loss.backward()  # type: ignore[no-untyped-call]
            loss += float(part_loss.detach())
        self._update(rate_factor(self.preset, progress.step, self.fraction))
        progress.step += 1
        read = phase.length * phase.batch * self.preset.accumulation
        progress.characters += read
        seconds = time.monotonic() - started
        progress.seconds += seconds
        return loss, read / seconds

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(inputs.device.type, torch.bfloat16):
            logits = self.state.decoder(inputs)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)

    @torch.no_grad()
    def _update(self, factor: float) -> None:
        for optimizer in self.state.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
            optimizer.step()
            optimizer.zero_grad()
        if self.preset.ema is not None:
            # Young averages forget faster, so that the random start leaves no trace.
            keep = min(
                self.preset.ema, (1 + self.state.progress.step) / (10 + self.state.progress.step)
            )
            for name, tensor in self.state.decoder.state_dict().items():
                self.state.average[name].lerp_(tensor, 1 - keep)

    def averaged(self) -> Decoder:
        """The decoder to keep: the running average where there is one."""
        if not self.state.average:
            return self.state.decoder
        decoder = Decoder(self.state.decoder.config)
        decoder.load_state_dict(self.state.average)
        return decoder.to(self.options.device)

    def dev_loss(self, offsets: int) -> float | None:
        """Loss of the decoder to keep on the development part, None where that is too short."""
        if self.dev is None:
            return None
        with contextlib.suppress(EvaluationError):
            return window_loss(self.averaged().eval(), self.dev, OFFSETS[:offsets], bf16=True)
        return None

    def _record(self, bar: Bar) -> None:
        """Save the state, evaluate, and add a line to the log and the curve."""
        progress = self.state.progress
        self.state.save(self.options.out / STATE, self.settings)
        if not self.recent:
            return
        dev = self.dev_loss(self.options.dev_offsets)
        loss = sum(self.recent) / len(self.recent)
        self.recent.clear()
        self.train_loss = loss
        row = {
            "step": progress.step,
            "seconds": round(progress.seconds, 1),
            "characters": progress.characters,
            "length": progress.position.length,
            "loss": round(loss, 5),
            "dev_loss": "" if dev is None else round(dev, 5),
            "rate": round(rate_factor(self.preset, progress.step, self.fraction), 5),
        }
        self._log(row)
        shown = "" if dev is None else f", development part {dev:.4f}"
        bar.console.print(
            f"step {progress.step}, {progress.characters / 1e6:.2f} M characters, "
            f"{progress.seconds / 60:.1f} min: loss {loss:.4f}{shown}"
        )
        plot_losses(self.options.out / LOG, self.options.out / PICTURE, self.options.preset_name)

    def _log(self, row: dict[str, Any]) -> None:
        path = self.options.out / LOG
        new = not path.exists()
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _LOG_FIELDS)
            if new:
                writer.writeheader()
            writer.writerow(row)

    def _write_checkpoint(self) -> dict[str, Any]:
        decoder, progress = self.averaged().eval(), self.state.progress
        metrics = {
            "preset": self.options.preset_name,
            "command": self.options.command,
            "corpus": self.corpus.facts,
            "parameters": decoder.parameter_count,
            "steps": progress.step,
            "characters": progress.characters,
            "seconds": round(progress.seconds, 1),
            "train_loss": self.train_loss,
            "dev_loss": self.dev_loss(len(OFFSETS)),
            "hardware": describe_machine(self.options.device),
            "revision": git_revision(),
            "seed": self.options.seed,
        }
        card = model_card(self.options.out.name, decoder.config, metrics)
        save_checkpoint(self.options.out, decoder, self.corpus.tokenizer, metrics, card)
        return metrics


def _copy(decoder: Decoder) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in decoder.state_dict().items()}


@contextlib.contextmanager
def _disk_errors(out: Path) -> Iterator[None]:
    """Say plainly that no more can be written; the last saved state is whole (see model.files)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise TrainingError(_no_space(out)) from None
        raise
    except SafetensorError as error:
        # It wraps the operating system's error and keeps only its words.
        if any(words in str(error) for words in _FULL):
            raise TrainingError(_no_space(out)) from None
        raise TrainingError(f"{out}: cannot be written ({error})") from None


def _no_space(out: Path) -> str:
    return f"{out}: no space left on the disk; free some and go on with --resume"


def _bar() -> Bar:
    return Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.1f} % · loss {task.fields[loss]:.4f}"),
        TextColumn("· {task.fields[speed]:,.0f} characters/s · {task.fields[left]} min left"),
        TimeElapsedColumn(),
    )
