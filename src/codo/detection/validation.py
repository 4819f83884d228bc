"""Evaluation on the val split during a finetuning run: precise BN, detections, metrics, and early stopping.

Evaluations run every ``eval_every`` steps and after the last one. Each writes ``detections_val.json`` and a row of
``ap/…`` to ``metrics.jsonl``. Early stopping depends only on these rows, so it works across resumes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from codo.core.run import Run
from codo.core.signals import StopSignal, stop_signals
from codo.detection.detector import Detector
from codo.detection.detector_io import FILE, export_detector
from codo.detection.precise_bn import recompute_statistics
from codo.detection.predict import predict, score
from codo.detection.results import write_results
from codo.detection.task import Task, training_batches
from codo.evaluation.voc_metrics import voc_scores
from codo.machine.precision import use_bf16
from codo.training.distributed import DistributedContext, loader_workers
from codo.training.logging import RunLog

MAIN = "ap/bbox/AP"
"""The metric of early stopping, which exists for every detector."""


@dataclass(frozen=True)
class Validation:
    """Evaluates on the val split; called on every rank, as a check of the training loop.

    Attributes:
        task: Data and settings.
        context: Rank, world size and device of this process.
        run: The run directory, for the results.
        detector: The detector, on the device of ``context``.
        log: The run's log.
        save: Saves the checkpoint of a step, called after precise BN to include its statistics.
    """

    task: Task
    context: DistributedContext
    run: Run
    detector: Detector
    log: RunLog
    save: Callable[[int], None]

    def __call__(self, step: int) -> dict[str, float]:
        """Evaluate the detector after ``step`` steps.

        Returns:
            Values to log on rank 0; empty on the other ranks.

        Raises:
            Interrupted: Stopped by SIGINT; resuming repeats this evaluation.
            Preempted: Stopped by SIGTERM; resuming repeats this evaluation.
            CodoError: An image cannot be read, or a file cannot be written.
        """
        with stop_signals() as stop:
            self._update_statistics(step, stop)
            results = predict(
                self.detector,
                self.task.val,
                ids=self.task.card.ids,
                short_side=self.task.card.short_side,
                max_size=self.task.card.max_size,
                workers=loader_workers(self.task.settings.workers),
                context=self.context,
                stop=stop,
            )
            self._raise_if_stopped(stop, step)
        if not self.context.main:
            return {}
        row = self._row(results)
        self.log.info(f"step {step}: " + ", ".join(f"{kind} AP {row[f'ap/{kind}/AP']:.4f}" for kind in self.task.kinds))
        if self._is_kept(step, row[MAIN]):
            write_results(self.run.path / "detections_val.json", results, self.task.val.aliases)
            if self.task.settings.early_stop is not None:
                export_detector(self.run.exports_dir / FILE, self.detector, self.task.card)
        return row

    def missing(self, step: int) -> bool:
        """Whether an evaluation after ``step`` is due but not logged, as the run was stopped; same on every rank."""
        every = self.task.settings.eval_every
        due = step == self.task.steps or (every > 0 and step > 0 and step % every == 0)
        scored = self.context.main and step in dict(evaluations(self.run.metrics()))
        return due and not self.context.highest(int(scored))

    def enough(self, step: int) -> bool:
        """Whether early stopping ends the run after ``step``; same on every rank."""
        patience = self.task.settings.early_stop
        if patience is None:
            return False
        done = [(at, ap) for at, ap in evaluations(self.run.metrics()) if at <= step] if self.context.main else []
        stops = bool(self.context.highest(int(since_best(done) >= patience)))
        if stops and done:
            at, ap = max(done, key=lambda one: one[1])
            self.log.info(f"early_stop={patience}: no better box AP since step {at} ({ap:.4f}); its detector is kept")
        return stops

    def _update_statistics(self, step: int, stop: StopSignal) -> None:
        """Update the BatchNorm statistics with which this step is evaluated, saved and exported."""
        batches = self.task.settings.precise_bn
        if not batches:
            return
        recompute_statistics(
            self.detector,
            # The next batches of training: random, and a function of (seed, step).
            training_batches(self.task, self.context, start=step, stop=step + batches),
            self.context,
            bf16=use_bf16(self.task.settings.precision, self.context.device),
            stop=stop,
        )
        self._raise_if_stopped(stop, step)
        self.save(step)

    def _raise_if_stopped(self, stop: StopSignal, step: int) -> None:
        """Raise if any process received a stop signal."""
        if signal := self.context.highest(stop.number):
            raise stop.error(signal, f"after step {step}; a checkpoint is saved", str(self.run.path))

    def _row(self, results: list[dict[str, Any]]) -> dict[str, float]:
        scores = score(self.task.val, results, self.task.kinds)
        names = dict(self.task.card.categories)
        row = {f"ap/{kind}/{name}": value for kind, s in scores.items() for name, value in s.numbers.items()}
        row |= {
            f"ap/{kind}/class/{names[c]}": ap for kind, s in scores.items() for c, ap in s.by_class.items() if ap >= 0
        }
        return row | {f"ap/voc/{name}": value for name, value in voc_scores(self.task.val, results).items()}

    def _is_kept(self, step: int, ap: float) -> bool:
        """Whether to keep these detections: always, or with early stopping if their AP is the best so far."""
        earlier = [value for at, value in evaluations(self.run.metrics()) if at < step]
        return self.task.settings.early_stop is None or all(ap > value for value in earlier)


def evaluations(rows: Iterable[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """Step and box AP of every evaluation in a log, in order; if a step was evaluated twice, the last one counts."""
    return sorted({row["step"]: float(row[MAIN]) for row in rows if row.get(MAIN) is not None}.items())


def since_best(done: list[tuple[int, float]]) -> int:
    """Number of evaluations after the best one; of equal values the first counts as the best."""
    values = [ap for _, ap in done]
    return len(values) - 1 - values.index(max(values)) if values else 0
