"""The val split during a finetuning run: precise BN, detections, scores, and whether training may end early.

Evaluations happen every ``eval_every`` steps and after the last one. Each leaves ``detections_val.json`` and a row of
``ap/…`` in ``metrics.jsonl``; what early stopping decides follows from these rows alone, and so survives a resume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from codo.core.run import Run
from codo.detection.detector import Detector
from codo.detection.detector_io import FILE, export_detector
from codo.detection.precise_bn import recompute_statistics
from codo.detection.predict import predict, score
from codo.detection.results import write_results
from codo.detection.task import Task, training_batches
from codo.evaluation.voc_metrics import voc_scores
from codo.training.distributed import DistributedContext, StopSignal, loader_workers, stop_signals, use_bf16
from codo.training.logging import RunLog
from codo.training.trainer import average_statistics

MAIN = "ap/bbox/AP"
"""What early stopping looks at: the one number that every detector has."""


@dataclass(frozen=True)
class Validation:
    """What is done with the val split; called on every rank, as a check of the training loop.

    Attributes:
        task: What is learned.
        context: Rank, world size and device of this process.
        run: Where results go.
        detector: On the device of ``context``.
        log: The run's log.
        save: Saves the checkpoint of a step; precise statistics belong into it.
    """

    task: Task
    context: DistributedContext
    run: Run
    detector: Detector
    log: RunLog
    save: Callable[[int], None]

    def __call__(self, step: int) -> dict[str, float]:
        """Score the detector after ``step`` steps.

        Returns:
            Values to log, on rank 0; nothing on the others.

        Raises:
            Interrupted: Stopped by SIGINT; the same command evaluates this step again.
            Preempted: Stopped by SIGTERM; likewise.
            CodoError: An image cannot be read, or a file not written.
        """
        with stop_signals() as stop:
            self._settle(step, stop)
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
            self._heed(stop, step)
        if not self.context.main:
            return {}
        row = self._row(results)
        self.log.say(f"step {step}: " + ", ".join(f"{kind} AP {row[f'ap/{kind}/AP']:.4f}" for kind in self.task.kinds))
        if self._keeps(step, row[MAIN]):
            write_results(self.run.path / "detections_val.json", results)
            if self.task.settings.early_stop is not None:
                export_detector(self.run.exports_dir / FILE, self.detector, self.task.card)
        return row

    def missing(self, step: int) -> bool:
        """Whether the run was stopped between the steps and the scores of ``step``; the same on every rank."""
        every = self.task.settings.eval_every
        due = step == self.task.steps or (every > 0 and step > 0 and step % every == 0)
        scored = self.context.main and step in dict(evaluations(self.run.metrics()))
        return due and not self.context.highest(int(scored))

    def enough(self, step: int) -> bool:
        """Whether early stopping ends the run after ``step``; the same on every rank."""
        patience = self.task.settings.early_stop
        if patience is None:
            return False
        done = [(at, ap) for at, ap in evaluations(self.run.metrics()) if at <= step] if self.context.main else []
        stops = bool(self.context.highest(int(since_best(done) >= patience)))
        if stops and done:
            at, ap = max(done, key=lambda one: one[1])
            self.log.say(f"early_stop={patience}: no better box AP since step {at} ({ap:.4f}); its detector is kept")
        return stops

    def _settle(self, step: int, stop: StopSignal) -> None:
        """Bring the statistics of BatchNorm to what this step is scored, saved and exported with."""
        average_statistics(self.detector, self.context)
        batches = self.task.settings.precise_bn
        if not batches:
            return
        recompute_statistics(
            self.detector,
            # The batches that training would go on with: random, and a function of (seed, step).
            training_batches(self.task, self.context, start=step, stop=step + batches),
            self.context,
            bf16=use_bf16(self.task.settings.precision, self.context.device),
            stop=stop,
        )
        self._heed(stop, step)
        self.save(step)

    def _heed(self, stop: StopSignal, step: int) -> None:
        """Stop if any process was asked to."""
        if signal := self.context.highest(stop.number):
            raise stop.error(signal, step, str(self.run.path))

    def _row(self, results: list[dict[str, Any]]) -> dict[str, float]:
        scores = score(self.task.val, results, self.task.kinds)
        names = dict(self.task.card.categories)
        row = {f"ap/{kind}/{name}": value for kind, s in scores.items() for name, value in s.numbers.items()}
        row |= {
            f"ap/{kind}/class/{names[c]}": ap for kind, s in scores.items() for c, ap in s.by_class.items() if ap >= 0
        }
        return row | {f"ap/voc/{name}": value for name, value in voc_scores(self.task.val, results).items()}

    def _keeps(self, step: int, ap: float) -> bool:
        """Whether this evaluation's detector is the one to keep: the newest, or the best with early stopping."""
        earlier = [value for at, value in evaluations(self.run.metrics()) if at < step]
        return self.task.settings.early_stop is None or all(ap > value for value in earlier)


def evaluations(rows: Iterable[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """Step and box AP of every evaluation in a log, in order; of a step that was scored twice the last counts."""
    return sorted({row["step"]: float(row[MAIN]) for row in rows if row.get(MAIN) is not None}.items())


def since_best(done: list[tuple[int, float]]) -> int:
    """Evaluations after the best one; of equal ones the first is the best."""
    values = [ap for _, ap in done]
    return len(values) - 1 - values.index(max(values)) if values else 0
