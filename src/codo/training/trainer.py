"""The training loop of pretraining and finetuning.

It uses a method only through its interface (`codo.methods.base.Method`), moves batches to the device without looking
into them, and counts time in steps.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from codo.contrast.bn_groups import average_over_ranks
from codo.core.errors import CodoError
from codo.core.rng import RngStream, generator
from codo.core.signals import STOPPED, StopSignal, stop_signals, until_stopped
from codo.methods.base import Method, stage
from codo.methods.freezing import unfreeze
from codo.models.batch_statistics import running, tracking_layers
from codo.optim.optimizer import set_lr
from codo.training import checkpoint
from codo.training.clock import Clock
from codo.training.distributed import DistributedContext
from codo.training.job import TrainingJob
from codo.training.profiling import Profiler, waits

PATIENCE = 10.0
"""Of several processes, see `patience`; a third of the time that torchrun leaves between SIGTERM and SIGKILL."""


def train(job: TrainingJob) -> None:
    """Run the steps of a job; checkpoints are saved at intervals, at the end, and on SIGINT or SIGTERM.

    Raises:
        Interrupted: Stopped by SIGINT, after saving a checkpoint.
        Preempted: Stopped by SIGTERM, after saving a checkpoint.
        CodoError: The loss is not finite, an image cannot be read, or a file cannot be written.
    """
    learner, watch, log = job.learner, job.watch, job.watch.log
    device, step = job.context.device, job.start
    learner.method.train()
    clock = Clock(device, job.feed.images_per_step)
    profiler = Profiler(log, job.stop - job.start, device)
    with stop_signals() as stop, profiler.watching():
        for batch in waits(until_stopped(job.feed.batches, stop, patience(job.context))):
            clock.waited()
            if batch is STOPPED:
                raise stopped_waiting(job, stop, step)
            if isinstance(batch, CodoError):
                raise batch
            seed_torch(job.seed, step, job.context)
            with stage("batch to device"):
                batch = job.feed.finish_batch(to_device(batch, device))
            if step == job.unfreeze_at and learner.method.frozen_parts:  # a run resumed here is unfrozen already
                unfreeze(learner.method)
                learner.module = distribute(learner.method, job.context)
                log.info(f"all parts are trained from step {step} on")
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
                average_statistics(learner.method, job.context)
            step += 1

            logs = step % watch.every == 0 or step == job.stop
            saves = step % job.checkpoints.every == 0 or step == job.stop
            due = [check for every, check in watch.checks if step == job.stop or (every and step % every == 0)]
            # Reading the loss synchronizes with the GPU, so it is only done where that happens anyway, or on the CPU.
            signal = 0
            if logs or saves or due or device.type == "cpu":
                signal = sync_stop(job, stop, step, output.loss + 0 * gradient)
            row: dict[str, Any] = {}
            if logs:
                row |= job.context.mean({**output.stats, **learner.method.log_stats(), "grad_norm": gradient})
                row |= {"epoch": (step - 1) // job.schedule.per_epoch, "lr": lr, **clock.lap()}
                row["alarms"] = watch.health.look(step, row)
                log.warn_once(*row["alarms"], watch.health.slow(), clock.others.warning(torch.get_num_threads()))
            if due and signal:  # the scheduler is waiting for the process to end: checks are left to the resumed run
                log.pending, row, due = (step, row), {}, []
            if due and watch.slow_checks:
                log.pending = (step, row)
                save(job, step)
                saves = False
            for check in due:
                row |= check(step)
                learner.method.train()
            if due:
                log.warn_once(*watch.health.probed(step, row))
            if row:
                log.row(step, row)
            log.advance(step, clock.postfix(row))
            if saves or signal:
                save(job, step)
            if signal:
                raise stop.error(signal, f"after step {step}; a checkpoint is saved", str(job.checkpoints.run.path))
            if due and watch.enough(step):
                return
            profiler.step()
            clock.resume()


def seed_torch(seed: int, step: int, context: DistributedContext) -> None:
    """Seed torch's generators for a step: random numbers of the network (dropout) depend only on (seed, step, rank).

    A resumed run then draws the same numbers as an uninterrupted one, also on a GPU and independent of draws between
    steps. Ranks draw different numbers, and checkpoints do not depend on the number of ranks.
    """
    number = int(generator(seed, step, context.rank, RngStream.STEP).integers(2**63))
    torch.default_generator.manual_seed(number)
    if context.device.type == "cuda":  # `torch.manual_seed` would also initialize GPUs that the run does not use
        torch.cuda.manual_seed(number)


def sync_stop(job: TrainingJob, stop: StopSignal, step: int, loss: Tensor) -> int:
    """The largest stop signal over all ranks, 0 for none; also checks that loss and gradient are finite on all ranks.

    Raises:
        CodoError: Loss or gradient of some rank are NaN or infinite.
    """
    bad = 0 if bool(torch.isfinite(loss)) else 1000
    highest = job.context.highest(stop.number + bad)
    if highest >= 1000:
        raise not_finite(job, f"the loss or its gradient is {loss.item():g} at step {step}")
    return highest


def patience(context: DistributedContext) -> float:
    """Seconds for which a batch is still awaited after a signal: other processes may be in the same step."""
    return PATIENCE if context.world > 1 else 0.0


def stopped_waiting(job: TrainingJob, stop: StopSignal, step: int) -> CodoError:
    """Save a checkpoint, if this process may do so alone, and return the error that ends a run between two steps."""
    where = str(job.checkpoints.run.path)
    if job.context.world > 1:
        return stop.error(stop.number, f"after step {step}, waiting for a batch; the last checkpoint is older", where)
    if step == job.start:
        return stop.error(stop.number, f"before step {step + 1}", where)
    save(job, step)
    return stop.error(stop.number, f"after step {step}; a checkpoint is saved", where)


def not_finite(job: TrainingJob, what: str) -> CodoError:
    """The error that ends a run with values that are not finite."""
    run = job.checkpoints.run
    kept = [path.name for path in run.checkpoints()]
    return CodoError(
        what,
        where=str(run.path),
        fix="start a run in a new out= with a lower optim.lr or more optim.warmup_steps; "
        + (f"the last good checkpoint is {kept[-1]}" if kept else "there is no checkpoint yet"),
    )


def save(job: TrainingJob, step: int) -> None:
    """Write a checkpoint on rank 0; the other ranks wait.

    Raises:
        CodoError: Weights became infinite in the last update (the loss was still finite); nothing is written.
    """
    method, checkpoints = job.learner.method, job.checkpoints
    if not bool(torch.stack(torch._foreach_norm([*map(Tensor.detach, trained(method))])).isfinite().all()):
        raise not_finite(job, f"weights are not finite after step {step}")
    if job.context.main:
        state = {
            "method": method.state_dict(),
            "optimizer": job.learner.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "config": dict(checkpoints.config),
            **job.watch.log.unlogged(step),
        }
        checkpoint.save(checkpoints.run, step, state, checkpoints.keep)
    job.context.barrier()


def average_statistics(method: Method, context: DistributedContext) -> None:
    """Average BatchNorm's running statistics over the ranks; training never reads them, exports and evaluation do.

    After every step, with one collective: averaged only where a checkpoint is saved, their last bits would tell where
    a run was stopped. Those of frozen layers are equal on all ranks, and are not touched.
    """
    if context.world == 1:
        return
    average_over_ranks([one for layer in tracking_layers([method]) if layer.training for one in running(layer)])


def distribute(method: Method, context: DistributedContext) -> nn.Module:
    """Wrap the method in DistributedDataParallel if there are several ranks.

    Buffers are not synchronized: every rank has its own BN statistics, and the queues are equal by construction.
    """
    if context.world == 1:
        return method
    ids = [context.device.index] if context.device.type == "cuda" else None
    # torch renamed the argument after 2.11, the oldest release supported.
    parameters = inspect.signature(DistributedDataParallel.__init__).parameters
    sync = "forward_sync_buffers" if "forward_sync_buffers" in parameters else "broadcast_buffers"
    # After its first step DDP groups gradients anew, and sums over more than two ranks depend on the groups: a resumed
    # run would compute other bits than one that goes on. This is the option without new groups.
    options: dict[str, Any] = {
        sync: False,
        "find_unused_parameters": context.device.type == "cpu" and context.world > 2,
    }
    return DistributedDataParallel(method, device_ids=ids, gradient_as_bucket_view=True, **options)


def trained(method: nn.Module) -> list[nn.Parameter]:
    """The parameters that require gradients."""
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
