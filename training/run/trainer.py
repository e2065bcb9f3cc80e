"""The training loop: steps until the steps or the minutes are used up, then a checkpoint.

A run is determined by its options, its materials and its seed. Its state is saved every few minutes
and on Ctrl-C, and a resumed run is bit-exact (with a schedule by steps; one by minutes follows the
clock). The kept weights are the moving average where the preset has one. Losses stay on the device
until a line of the log is written, so the loop does not synchronize with a GPU between two steps.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from rich.progress import Progress as Bar

from model.pytorch.checkpoint import save_checkpoint
from model.pytorch.decoder import Decoder
from model.pytorch.device import fast_bfloat16
from training.data.dataset import TrainingData, encode_stream
from training.recipe.objective import Objective
from training.recipe.optimizers import make_optimizers, rate_factor
from training.recipe.presets import Phase
from training.report.card import model_card
from training.report.evaluation import OFFSETS, EvaluationError, window_loss
from training.run.averaging import average_in, averaged, first_average
from training.run.compiling import Compiled, LossFunction
from training.run.growth import grow
from training.run.log import LogLine, training_bar, write_line
from training.run.machine import describe_machine, git_revision
from training.run.materials import Materials
from training.run.options import Options
from training.run.state import Progress, RunState, TrainingError
from training.run.stopping import StopRequest, disk_errors

STATE = "state.safetensors"


@dataclass
class Outcome:
    """The figures of a run, and whether it was stopped before its end."""

    metrics: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False


class Trainer:
    """One run over its materials."""

    def __init__(self, options: Options, materials: Materials, say: Callable[[str], None]) -> None:
        self.options, self.materials, self.say = options, materials, say
        self.preset, corpus = options.preset, materials.corpus
        self.settings = options.settings() | materials.settings()
        self.state = self._first_state()
        if options.resume:
            self.state.load(options.out / STATE, self.settings)
        elif (options.out / STATE).exists():
            raise TrainingError(
                f"{options.out}: holds a run already; go on with it (--resume) "
                "or choose another --out"
            )
        if corpus.train == ():
            raise TrainingError("the corpus has no training text")
        self.data = TrainingData(
            corpus.tokenizer,
            materials.portions,
            options.seed,
            self.state.progress.position,
            reshuffle=self.preset.reshuffle,
            device=options.device,
        )
        self.dev = encode_stream(corpus.tokenizer, corpus.dev) if corpus.dev else None
        teachers = [teacher.decoder for teacher in materials.teachers]
        self.loss_of: LossFunction = Objective(self.state.decoder, self.preset, teachers).loss
        if options.compile:
            self.loss_of = Compiled(self.loss_of, options.device, say)
        self.stop = StopRequest(options.budget_seconds)
        self.unread = torch.zeros((), dtype=torch.float64, device=options.device)
        self.unread_steps = 0
        self.train_loss: float | None = None  # mean over the steps since the last record

    def _first_state(self) -> RunState:
        options, preset = self.options, self.preset
        tokenizer = self.materials.corpus.tokenizer
        generator = torch.Generator().manual_seed(options.seed)
        decoder = Decoder(preset.config(tokenizer))
        decoder.initialize(generator)
        if (init := self.materials.init) is not None:
            grow(decoder, init, tokenizer)
        decoder.to(options.device)
        optimizers = make_optimizers(decoder, preset)
        return RunState(decoder, first_average(decoder, preset), optimizers, Progress())

    def run(self) -> Outcome:
        """Train to the end or to a stop request, then write the checkpoint."""
        with self.stop.listening(), disk_errors(self.options.out), training_bar() as bar:
            self.options.out.mkdir(parents=True, exist_ok=True)
            task = bar.add_task("compiling", total=1.0, loss=float("nan"), speed=0.0, left="?")
            self.prepare()
            bar.update(task, description="training")
            last_save = time.monotonic()
            while self.fraction < 1.0 and not self.stop.due:
                loss, speed = self._step()
                left = self._minutes_left()
                bar.update(task, completed=self.fraction, loss=loss, speed=speed, left=left)
                if time.monotonic() - last_save > self.options.between_saves:
                    self._record(bar)
                    last_save = time.monotonic()
            self._record(bar)
            return Outcome(self._write_checkpoint(), stopped=self.fraction < 1.0)

    @property
    def fraction(self) -> float:
        """The finished share of the run, 0 to 1."""
        progress, steps, minutes = self.state.progress, self.options.steps, self.options.minutes
        by_clock = progress.seconds / (60 * minutes) if minutes is not None else 0.0
        if steps is None and minutes is not None:
            return min(1.0, by_clock)
        return min(1.0, max(by_clock, progress.step / (steps or self.preset.steps)))

    def prepare(self) -> None:
        """Compile the loss for all remaining phases, on dummy windows.

        Compilation is timed separately, since it depends on the machine and not on the recipe.
        """
        if not self.options.compile:
            return
        started = time.monotonic()
        self.state.decoder.train()
        for phase in self._remaining_phases():
            windows = torch.zeros(
                phase.batch, phase.length + 1, dtype=torch.int64, device=self.options.device
            )
            loss, _ = self.loss_of(windows[:, :-1], windows[:, 1:].clone())
            loss.backward()  # type: ignore[no-untyped-call]
        self._clear_gradients()
        self._wait_for_device()
        self.state.progress.compile_seconds += time.monotonic() - started

    def _remaining_phases(self) -> Iterator[Phase]:
        """Phases that have not ended."""
        phases = self.preset.phases
        ends = [*(phase.start for phase in phases[1:]), 1.0]
        return (phase for phase, end in zip(phases, ends, strict=True) if end > self.fraction)

    def _phase(self) -> Phase:
        return [phase for phase in self.preset.phases if phase.start <= self.fraction][-1]

    def _minutes_left(self) -> str:
        done = self.fraction
        return f"{self.state.progress.seconds * (1 - done) / done / 60:.0f}" if done > 0 else "?"

    def _step(self) -> tuple[float, float]:
        """One optimiser step. Returns the last known loss, and characters per second."""
        started = time.monotonic()
        progress, phase = self.state.progress, self._phase()
        # The step determines the seed, so resuming needs no generator state.
        torch.manual_seed(self.options.seed * 1_000_003 + progress.step)
        self.state.decoder.train()
        for _ in range(self.preset.accumulation):
            inputs, targets = self.data.batch(phase.length, phase.batch)
            loss, plain = self.loss_of(inputs, targets)
            (loss / self.preset.accumulation).backward()  # type: ignore[no-untyped-call]
            self.unread += plain / self.preset.accumulation
        self._update(rate_factor(self.preset, progress.step, self.fraction))
        progress.step += 1
        self.unread_steps += 1
        read = phase.length * phase.batch * self.preset.accumulation
        progress.characters += read
        known = float(plain) if self.options.device == "cpu" else self.train_loss
        seconds = time.monotonic() - started
        progress.seconds += seconds
        return float("nan") if known is None else known, read / seconds

    @torch.no_grad()
    def _update(self, factor: float) -> None:
        for optimizer in self.state.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
            optimizer.step()
        self._clear_gradients()
        average_in(self.state, self.preset)

    def _clear_gradients(self) -> None:
        for optimizer in self.state.optimizers:
            optimizer.zero_grad()

    def _wait_for_device(self) -> None:
        if torch.device(self.options.device).type == "cuda":
            torch.cuda.synchronize()

    def averaged(self) -> Decoder:
        """The decoder to keep: of the moving average where there is one."""
        return averaged(self.state)

    def dev_loss(self, offsets: int) -> float | None:
        """Loss of `averaged` on the development part, None if that part is too short."""
        if self.dev is None:
            return None
        bf16 = fast_bfloat16(self.options.device)
        with contextlib.suppress(EvaluationError):
            return window_loss(self.averaged().eval(), self.dev, OFFSETS[:offsets], bf16=bf16)
        return None

    def _read_losses(self) -> float | None:
        """The mean loss since the last call, None without steps."""
        if not self.unread_steps:
            return None
        started = time.monotonic()
        self.train_loss = float(self.unread) / self.unread_steps
        # The GPU's pending work belongs to the steps.
        self.state.progress.seconds += time.monotonic() - started
        self.unread.zero_()
        self.unread_steps = 0
        return self.train_loss

    def _record(self, bar: Bar) -> None:
        """Save the state, evaluate, and add a line to the log and the curve."""
        loss, progress = self._read_losses(), self.state.progress
        self.state.save(self.options.out / STATE, self.settings)
        if loss is None:
            return
        dev = self.dev_loss(self.options.dev_offsets)
        line = LogLine(
            progress.step,
            round(progress.seconds, 1),
            progress.characters,
            progress.position.length,
            round(loss, 5),
            "" if dev is None else round(dev, 5),
            round(rate_factor(self.preset, progress.step, self.fraction), 5),
        )
        bar.console.print(line.words)
        write_line(self.options.out, line, self.options.preset_name)

    def _write_checkpoint(self) -> dict[str, Any]:
        decoder, progress = self.averaged().eval(), self.state.progress
        corpus = self.materials.corpus
        metrics = {
            "preset": self.options.preset_name,
            "recipe": asdict(self.preset),
            "command": self.options.command,
            "corpus": corpus.facts,
            **self.materials.origins(),
            "parameters": decoder.parameter_count,
            "steps": progress.step,
            "characters": progress.characters,
            "seconds": round(progress.seconds, 1),
            "compile_seconds": round(progress.compile_seconds, 1),
            "train_loss": self.train_loss,
            "dev_loss": self.dev_loss(len(OFFSETS)),
            "hardware": describe_machine(self.options.device),
            "revision": git_revision(),
            "seed": self.options.seed,
        }
        card = model_card(self.options.out.name, decoder.config, metrics)
        save_checkpoint(self.options.out, decoder, corpus.tokenizer, metrics, card)
        return metrics
