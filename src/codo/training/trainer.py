"""The loop: one step after the other, for pretraining and finetuning alike.

It knows a method only by its protocol, batches only as something to move to the device, and time only as steps done.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from codo.core.errors import CodoError
from codo.core.run import Run
from codo.evaluation.health import HealthMonitor
from codo.methods.base import Method, stage
from codo.training import checkpoint
from codo.training.distributed import DistributedContext, StopSignal, stop_signals
from codo.training.logging import RunLog
from codo.training.optim import Schedule, set_lr
from codo.training.profiling import Profiler, waits

Check = Callable[[int], Mapping[str, Any]]
"""Something done every so many steps: takes the steps done, returns values to log."""


@dataclass(frozen=True)
class TrainingJob:
    """Everything that the loop needs.

    Attributes:
        run: Where checkpoints go; also known to ranks that do not write.
        method: What is trained, on the device.
        module: The method, or DistributedDataParallel around it.
        optimizer: Over the method's parameters.
        schedule: Learning rate of every step.
        batches: Batches of the steps ``start`` to ``stop``; an error instead of a batch is raised.
        start: Steps done before.
        stop: Steps of the whole run.
        config: Resolved settings, kept in every checkpoint.
        log: Where values go.
        log_every: Steps between two logged ones.
        save_every: Steps between two checkpoints.
        keep: Checkpoints kept.
        processes: This process among all.
        bf16: Whether to compute under bfloat16 autocast.
        images_per_step: Images of all ranks in a step, for the rate.
        health: Looks at the logged values and raises alarms.
        checks: (every, what) done between steps; with ``every`` 0 only after the last.
        slow_checks: Whether checks take so long that a checkpoint is saved before them, whatever ``save_every`` says.
        enough: Whether the run may end before ``stop``; asked on every rank after checks, once their values are logged.
        clip: Largest norm of the gradient; infinity only measures it.
        finish_batch: What is left to do to a batch on the device.
    """

    run: Run
    method: Method
    module: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    batches: Iterable[Any]
    start: int
    stop: int
    config: Mapping[str, Any]
    log: RunLog
    log_every: int
    save_every: int
    keep: int
    processes: DistributedContext
    bf16: bool
    images_per_step: int
    health: HealthMonitor
    checks: list[tuple[int, Check]] = field(default_factory=list)
    slow_checks: bool = False
    enough: Callable[[int], bool] = lambda step: False
    clip: float = math.inf
    finish_batch: Callable[[Any], Any] = lambda batch: batch


def train(job: TrainingJob) -> None:
    """Run the steps of a job; checkpoints are saved on the way, at the end, and when asked to stop.

    Raises:
        Interrupted: Stopped by SIGINT, after saving.
        Preempted: Stopped by SIGTERM, after saving.
        CodoError: The loss is not finite, an image could not be read, or a file not written.
    """
    device, step = job.processes.device, job.start
    job.method.train()
    clock = Clock(device)
    profiler = Profiler(job.log, job.stop - job.start, device)
    with stop_signals() as stop, profiler.watching():
        for batch in waits(job.batches):
            clock.waited()
            if isinstance(batch, CodoError):
                raise batch
            with stage("batch to device"):
                batch = job.finish_batch(to_device(batch, device))
            if step == 0:
                job.method.on_first_batch(batch)
            lr = job.schedule(step)
            set_lr(job.optimizer, lr, job.schedule.peak)
            with stage("forward"), torch.autocast(device.type, torch.bfloat16, enabled=job.bf16):
                output = job.module(batch)
            with stage("backward"):
                output.loss.backward()
            with stage("optimizer"):
                gradient = nn.utils.clip_grad_norm_(trained(job.method), job.clip)
                job.optimizer.step()
                job.optimizer.zero_grad(set_to_none=True)
            with stage("EMA, queue"):
                job.method.on_step_end()
            step += 1

            logs = step % job.log_every == 0 or step == job.stop
            saves = step % job.save_every == 0 or step == job.stop
            due = [check for every, check in job.checks if step == job.stop or (every and step % every == 0)]
            # Looking at the loss makes the GPU wait, so that is done where it waits anyway; on the CPU it is free.
            signal = 0
            if logs or saves or due or device.type == "cpu":
                signal = sync_stop(job, stop, step, output.loss + 0 * gradient)
            if signal:
                due = []  # no time for checks: a scheduler waits
            if due and job.slow_checks:
                save(job, step)
                saves = False
            row: dict[str, Any] = {}
            if logs:
                row |= job.processes.mean({**output.stats, **job.method.log_stats(), "grad_norm": gradient})
                row |= {"epoch": (step - 1) // job.schedule.per_epoch, "lr": lr, **clock.lap(job, step)}
                row["alarms"] = job.health.look(step, row)
                job.log.warn_once(*row["alarms"], job.health.slow())
            for check in due:
                row |= check(step)
                job.method.train()
            if row:
                job.log.row(step, row)
            job.log.advance(step, clock.shown(row))
            if saves or signal:
                save(job, step)
            if signal:
                raise stop.error(signal, step, str(job.run.path))
            if due and job.enough(step):
                return
            profiler.step()
            clock.resume()


def sync_stop(job: TrainingJob, stop: StopSignal, step: int, loss: Tensor) -> int:
    """The signal to stop on, if any rank got one, after making sure that no rank's loss or gradient has gone bad.

    Raises:
        CodoError: The loss of some rank, or its gradient, is NaN or infinite.
    """
    bad = 0 if bool(torch.isfinite(loss)) else 1000
    verdict = job.processes.highest(stop.number + bad)
    if verdict >= 1000:
        raise not_finite(job, f"the loss or its gradient is {loss.item():g} at step {step}")
    return verdict


def not_finite(job: TrainingJob, what: str) -> CodoError:
    """The error that ends a run whose numbers have gone bad."""
    kept = [path.name for path in job.run.checkpoints()]
    return CodoError(
        what,
        where=str(job.run.path),
        fix="lower optim.lr or add optim.warmup_steps, in a new out=; the last good checkpoint is "
        f"{kept[-1] if kept else 'not written yet'}",
    )


def save(job: TrainingJob, step: int) -> None:
    """Write a checkpoint on rank 0, with BN statistics averaged over the ranks; the others wait.

    Raises:
        CodoError: Weights have overflowed in the step's update (the loss was still finite); nothing is written.
    """
    if not bool(torch.stack(torch._foreach_norm([*map(Tensor.detach, trained(job.method))])).isfinite().all()):
        raise not_finite(job, f"weights are not finite after step {step}")
    average_statistics(job.method, job.processes)
    if job.processes.main:
        state = {
            "method": job.method.state_dict(),
            "optimizer": job.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "config": dict(job.config),
        }
        checkpoint.save(job.run, step, state, job.keep)
    job.processes.barrier()


def average_statistics(method: Method, processes: DistributedContext) -> None:
    """Make BatchNorm's running statistics the mean of the ranks'; training never reads them, exports do."""
    if processes.world == 1:
        return
    for name, buffer in method.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            torch.distributed.all_reduce(buffer)
            buffer /= processes.world


def distribute(method: Method, processes: DistributedContext) -> nn.Module:
    """The method in DistributedDataParallel where there are several ranks.

    Buffers are left alone: BN statistics are each rank's own, and the queues are equal by construction.
    """
    if processes.world == 1:
        return method
    ids = [processes.device.index] if processes.device.type == "cuda" else None
    # torch renamed the argument after 2.11, the oldest release supported.
    known = inspect.signature(DistributedDataParallel.__init__).parameters
    sync = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    options: dict[str, Any] = {sync: False}
    return DistributedDataParallel(method, device_ids=ids, gradient_as_bucket_view=True, **options)


def trained(method: nn.Module) -> list[nn.Parameter]:
    """The parameters that take gradients."""
    return [parameter for parameter in method.parameters() if parameter.requires_grad]


def to_device(batch: Any, device: torch.device) -> Any:
    """Move the tensors in tuples, lists, dictionaries and named tuples."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to_device(value, device) for value in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


class Clock:
    """Where the time goes: images a second, and the share of it spent waiting for data."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.began = self.mark = time.perf_counter()
        self.waiting, self.steps = 0.0, 0

    def waited(self) -> None:
        """A batch has come."""
        self.waiting += time.perf_counter() - self.mark
        self.steps += 1

    def resume(self) -> None:
        """The step is done; the wait for the next batch begins."""
        self.mark = time.perf_counter()

    def lap(self, job: TrainingJob, step: int) -> dict[str, float]:
        """Values since the last lap."""
        elapsed = time.perf_counter() - self.began
        values = {
            "time/images_per_s": self.steps * job.images_per_step / elapsed,
            "time/data_wait": self.waiting / elapsed,
            "time/memory_mb": _memory(self.device),
        }
        self.began, self.waiting, self.steps = time.perf_counter(), 0.0, 0
        return values

    @staticmethod
    def shown(row: Mapping[str, Any]) -> dict[str, str] | None:
        """What the progress bar says of a logged row."""
        if "loss" not in row:
            return None
        return {
            "loss": f"{row['loss']:.3f}",
            "images/s": f"{row['time/images_per_s']:.0f}",
            "data_wait": f"{row['time/data_wait']:.0%}",
        }


def _memory(device: torch.device) -> float:
    """Peak memory in MiB: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
