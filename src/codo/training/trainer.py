"""The loop: one step after the other, for pretraining and finetuning alike.

It knows a method only by its protocol, batches only as something to move to the device, and time only as steps done.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from codo.core.errors import CodoError
from codo.core.rng import RngStream, generator
from codo.methods.base import Method, stage
from codo.training import checkpoint
from codo.training.clock import Clock
from codo.training.distributed import DistributedContext, StopSignal, stop_signals
from codo.training.job import TrainingJob
from codo.training.optim import set_lr
from codo.training.profiling import Profiler, waits


def train(job: TrainingJob) -> None:
    """Run the steps of a job; checkpoints are saved on the way, at the end, and when asked to stop.

    Raises:
        Interrupted: Stopped by SIGINT, after saving.
        Preempted: Stopped by SIGTERM, after saving.
        CodoError: The loss is not finite, an image could not be read, or a file not written.
    """
    learner, watch, log = job.learner, job.watch, job.watch.log
    device, step = job.context.device, job.start
    learner.method.train()
    clock = Clock(device, job.feed.images_per_step)
    profiler = Profiler(log, job.stop - job.start, device)
    with stop_signals() as stop, profiler.watching():
        for batch in waits(job.feed.batches):
            clock.waited()
            if isinstance(batch, CodoError):
                raise batch
            seed_torch(job.seed, step, job.context)
            with stage("batch to device"):
                batch = job.feed.finish_batch(to_device(batch, device))
            if step == 0:
                learner.method.on_first_batch(batch)
            lr = job.schedule(step)
            set_lr(learner.optimizer, lr, job.schedule.peak)
            with stage("forward"), torch.autocast(device.type, torch.bfloat16, enabled=learner.bf16):
                output = learner.module(batch)
            with stage("backward"):
                output.loss.backward()
            with stage("optimizer"):
                gradient = nn.utils.clip_grad_norm_(trained(learner.method), learner.clip)
                learner.optimizer.step()
                learner.optimizer.zero_grad(set_to_none=True)
            with stage("EMA, queue"):
                learner.method.on_step_end()
            step += 1

            logs = step % watch.every == 0 or step == job.stop
            saves = step % job.checkpoints.every == 0 or step == job.stop
            due = [check for every, check in watch.checks if step == job.stop or (every and step % every == 0)]
            # Looking at the loss makes the GPU wait, so that is done where it waits anyway; on the CPU it is free.
            signal = 0
            if logs or saves or due or device.type == "cpu":
                signal = sync_stop(job, stop, step, output.loss + 0 * gradient)
            if signal:
                due = []  # no time for checks: a scheduler waits
            if due and watch.slow_checks:
                save(job, step)
                saves = False
            row: dict[str, Any] = {}
            if logs:
                row |= job.context.mean({**output.stats, **learner.method.log_stats(), "grad_norm": gradient})
                row |= {"epoch": (step - 1) // job.schedule.per_epoch, "lr": lr, **clock.lap()}
                row["alarms"] = watch.health.look(step, row)
                log.warn_once(*row["alarms"], watch.health.slow())
            for check in due:
                row |= check(step)
                learner.method.train()
            if row:
                log.row(step, row)
            log.advance(step, clock.shown(row))
            if saves or signal:
                save(job, step)
            if signal:
                raise stop.error(signal, step, str(job.checkpoints.run.path))
            if due and watch.enough(step):
                return
            profiler.step()
            clock.resume()


def seed_torch(seed: int, step: int, context: DistributedContext) -> None:
    """Seed torch's generators for a step, so that what a network draws (dropout) is a function of (seed, step, rank).

    A resumed run then draws what an unbroken one does, on a GPU too, and whatever was drawn between the steps; ranks
    draw different numbers; and no checkpoint has to know how many ranks there were.
    """
    number = int(generator(seed, step, context.rank, RngStream.STEP).integers(2**63))
    torch.default_generator.manual_seed(number)
    if context.device.type == "cuda":  # `torch.manual_seed` would ask for GPUs that the run does not use
        torch.cuda.manual_seed(number)


def sync_stop(job: TrainingJob, stop: StopSignal, step: int, loss: Tensor) -> int:
    """The signal to stop on, if any rank got one, after making sure that no rank's loss or gradient has gone bad.

    Raises:
        CodoError: The loss of some rank, or its gradient, is NaN or infinite.
    """
    bad = 0 if bool(torch.isfinite(loss)) else 1000
    verdict = job.context.highest(stop.number + bad)
    if verdict >= 1000:
        raise not_finite(job, f"the loss or its gradient is {loss.item():g} at step {step}")
    return verdict


def not_finite(job: TrainingJob, what: str) -> CodoError:
    """The error that ends a run whose numbers have gone bad."""
    run = job.checkpoints.run
    kept = [path.name for path in run.checkpoints()]
    return CodoError(
        what,
        where=str(run.path),
        fix="lower optim.lr or add optim.warmup_steps, in a new out=; the last good checkpoint is "
        f"{kept[-1] if kept else 'not written yet'}",
    )


def save(job: TrainingJob, step: int) -> None:
    """Write a checkpoint on rank 0, with BN statistics averaged over the ranks; the others wait.

    Raises:
        CodoError: Weights have overflowed in the step's update (the loss was still finite); nothing is written.
    """
    method, kept = job.learner.method, job.checkpoints
    if not bool(torch.stack(torch._foreach_norm([*map(Tensor.detach, trained(method))])).isfinite().all()):
        raise not_finite(job, f"weights are not finite after step {step}")
    average_statistics(method, job.context)
    if job.context.main:
        state = {
            "method": method.state_dict(),
            "optimizer": job.learner.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "config": dict(kept.config),
        }
        checkpoint.save(kept.run, step, state, kept.keep)
    job.context.barrier()


def average_statistics(method: Method, context: DistributedContext) -> None:
    """Make BatchNorm's running statistics the mean of the ranks'; training never reads them, exports do."""
    if context.world == 1:
        return
    for name, buffer in method.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            torch.distributed.all_reduce(buffer)
            buffer /= context.world


def distribute(method: Method, context: DistributedContext) -> nn.Module:
    """The method in DistributedDataParallel where there are several ranks.

    Buffers are left alone: BN statistics are each rank's own, and the queues are equal by construction.
    """
    if context.world == 1:
        return method
    ids = [context.device.index] if context.device.type == "cuda" else None
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
