"""``codo pretrain``: data, method, session and training loop of a pretraining run.

All input is checked before the run directory is created.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from codo.core.config import nest, resolve, shipped_recipes
from codo.core.recipe_width import without_recipe_width
from codo.core.run import Run
from codo.evaluation.health import GRACE, HealthMonitor, HealthReference
from codo.evaluation.start_warnings import ema_warning, queue_warning, view_warnings, warmup_warning
from codo.loading.contents import check_contents, contents, write_contents
from codo.loading.examples import Examples
from codo.loading.first_views import FirstViews
from codo.loading.image_cache import keep_decoded
from codo.loading.loader import build_loader
from codo.loading.local_files import copy_files
from codo.loading.sampler import StepSampler
from codo.loading.warm_up import load_kernels
from codo.machine.compiler import check_compiler
from codo.methods.base import Method
from codo.methods.freezing import compile_frozen, frozen_parameters
from codo.methods.registry import METHODS, build_method, unused_settings
from codo.models.sync_norm import synchronize_norms
from codo.optim.lr_factors import factor_by_parameter
from codo.optim.optimizer import Schedule, build_optimizer, check_milestones
from codo.probes.labeled import LabeledProbes
from codo.probes.labels_at_hand import labels_note
from codo.probes.start_comparison import StartComparison
from codo.probes.watched_probes import WatchedProbes
from codo.training.anchoring import anchored_parameters, anchored_parts, apply_anchor, describe_anchor
from codo.training.distributed import DistributedContext, join_processes, loader_workers, local_world_size
from codo.training.freezing import apply_freezing, describe_freezing
from codo.training.job import Feed, Watch
from codo.training.pretrain_settings import PretrainSettings, with_absolute_paths
from codo.training.pretrain_task import PretrainTask, prepare_pretrain_task
from codo.training.run_probes import RunProbes, invariance_probe, loaded_parts
from codo.training.session import Saved, Session, find_saved, open_session
from codo.training.trainer import train


def pretrain(recipe: str | Path | None = None, **overrides: Any) -> Run:
    """Pretrain the trunk of a detector; calling it again with the same arguments resumes.

    Args:
        recipe: Name of a shipped recipe, or a YAML file.
        **overrides: Settings that override the recipe, nested or with dotted names: ``**{"optim.lr": 0.03}``.

    Returns:
        The finished run.

    Raises:
        InputError: Invalid settings or input; nothing has been written.
        Interrupted: Ctrl-C; a checkpoint has been saved.
        Preempted: SIGTERM; a checkpoint has been saved.
        CodoError: The run cannot continue (see the message).

    Example:
        >>> import codo
        >>> run = codo.pretrain(
        ...     "laptop", foregrounds="catalogs/photos", backgrounds=["catalogs/photos"], out="runs/mine"
        ... )
        >>> run.verb, len(run.checkpoints()) > 0
        ('pretrain', True)
    """
    settings = resolve(PretrainSettings, recipe or recipe_of_method(overrides), overrides)
    settings, dropped = without_recipe_width(settings, nest(overrides))
    settings = with_absolute_paths(settings)
    unused = unused_settings(settings.method, overrides)
    warnings = [f"method {settings.method} does not use {', '.join(unused)}: no effect"] if unused else []
    return run_pretraining(settings, [*warnings, *([dropped] if dropped else [])])


def recipe_of_method(overrides: Mapping[str, Any]) -> str | None:
    """The shipped recipe with the name of the method, if there is one: its augmentation, schedule and optimizer."""
    name = str(overrides.get("method", ""))
    return name if name in shipped_recipes() and name in METHODS else None


def run_pretraining(settings: PretrainSettings, warnings: Sequence[str] = ()) -> Run:
    """Pretrain with complete settings and absolute paths; returns and raises like `pretrain`.

    Args:
        settings: All settings.
        warnings: Warnings for the run's log.
    """
    with join_processes(settings.device, settings.distributed.timeout) as context:
        # 1. Check all input before anything is written.
        task = prepare_pretrain_task(settings, context.world)
        settings = task.settings
        model, labeled = settings.model, None
        if settings.probe and context.main:
            labeled = LabeledProbes.read(settings.probe, settings.canvas, model.pixels)
        saved, method = build(task, context)
        held = contents(task.inputs)
        check_contents(settings.out, held, context.gather, resumed=saved.step > 0)
        if settings.local_copy and saved.step < task.steps:
            copy_files(task.inputs.catalogs())

        # 2. Open the run, and load its checkpoint if there is one.
        with open_session(settings, "pretrain", saved, context, task.steps) as session:
            if context.main:
                write_contents(session.run.path, held, resumed=saved.step > 0)
            learner = session.learner(
                method,
                lambda it: build_optimizer(
                    it,
                    settings.optim,
                    context.device,
                    it.constant_lr_modules(),
                    later=frozen_parameters(it) if settings.model.unfreeze_at else (),
                    anchored=anchored_parameters(it),
                ),
            )
            schedule = Schedule(
                settings.optim, batch_size=settings.batch_size, steps=task.steps, per_epoch=task.per_epoch
            )
            session.log_start(
                [
                    *warnings,
                    *task.warnings,
                    *data_warnings(task, method, labeled),
                    warmup_warning(schedule.warmup, task.steps),
                    schedule.warning(),
                ],
                loaded=None if saved.state else method.load_report,
                source=f"model.init={settings.model.init}",
            )
            for warning in measure_first_views(task, session):
                session.log.warn(warning)
            labels = labels_note(settings.probe, task.inputs)
            for note in (*task.notes(), *method.notes(), *labels, *image_cache(task)):
                session.log.info(note)
            if padding := getattr(method.exports().get("backbone"), "note", ""):
                session.log.info(padding)
            if method.frozen_parts:
                session.log.info(describe_freezing(method, settings.model.unfreeze_at))
            if anchor := describe_anchor(method):
                session.log.info(anchor)
            prepare_views(task, session, method)
            health = health_monitor(task, session, method, schedule)
            checks = probe_checks(task, session, method, labeled, health.reference.grace)
            enough = checks[0][1].enough if checks else lambda step: False

            # 3. Train.
            if session.start < task.steps and not enough(session.start):
                images = settings.batch_size * settings.views
                feed = Feed(step_batches(task, session, method), images, task.dataset.finish)
                stops = settings.probe is not None and settings.probe.stop_below_start
                watch = Watch(session.log, settings.log.every, health, [*checks], slow_checks=stops, enough=enough)
                job = session.job(learner, feed, schedule, watch)
                train(replace(job, unfreeze_at=settings.model.unfreeze_at))
            if context.main:
                Examples.keep(session.run.path, method.eval().examples, task.dataset, again=session.start < task.steps)
            session.report()
    return session.run


def build(task: PretrainTask, context: DistributedContext) -> tuple[Saved, Method]:
    """Load the saved state of the run, if any, and build its method on the CPU, with initial weights for a new run.

    The kernels are loaded in a second thread, which takes about as long.

    Raises:
        InputError: ``out`` is not free; the method rejects the settings; or initial weights are not available.
    """
    settings = task.settings
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load_kernels)
        saved = find_saved(settings, context)
        setup = task.setup(context.world)
        if not saved.state:
            check_milestones(settings.optim)
        else:
            setup = replace(setup, model=settings.model.model_copy(update={"init": "none"}))
        torch.manual_seed(settings.seed)
        method = build_method(settings.method, setup)
    loading.result()
    if method.batch_statistics == "global" and context.world > 1 and context.device.type == "cuda":
        method = synchronize_norms(method)
    method.check_sources(Path(settings.out), saved.step)
    loaded = None if saved.state else loaded_parts(method)
    apply_freezing(method, settings.model.frozen_at(saved.step), loaded=loaded)
    held = loaded or anchored_parts(saved.state["method"] if saved.state else ())
    apply_anchor(method, settings.anchor, held, settings.model.frozen_throughout)
    later = frozen_parameters(method) if settings.model.unfreeze_at else ()
    factor_by_parameter(method, settings.optim.lr_factors, later)  # raises errors before anything is written
    if settings.compile:
        check_compiler(context.device)
    for module in method.compilable() if settings.compile is True else ():
        module.compile()
    if settings.compile == "frozen":
        compile_frozen(method)
    return saved, method


def data_warnings(task: PretrainTask, method: Method, labeled: LabeledProbes | None) -> list[str | None]:
    """Warnings about queue size, momentum encoder, loaded state and probe data."""
    queue = queue_warning(method.queue_length, len(task.dataset)) if method.queue_length else None
    contrast, used = task.settings.contrast, set(method.used_settings)
    averages = "contrast.momentum" in used or ("contrast" in used and contrast.keys == "momentum")
    ema = None
    if averages:
        age = contrast.queue_age(task.settings.batch_size, task.settings.views)
        momentum = task.setup().contrast.momentum_at(0, task.steps)
        ema = ema_warning(momentum, task.steps, age if method.queue_length else 0.0)
    return [queue, ema, *method.load_warnings(), *(labeled.warnings(task.settings.out) if labeled else [])]


def measure_first_views(task: PretrainTask, session: Session) -> list[str]:
    """Measure on rank 0 what the views of a new run show of their proposals; returns warnings."""
    if session.start > 0 or not session.context.main:
        return []
    first = FirstViews.of_dataset(task.dataset, task.settings.batch_size, task.settings.seed)
    if first is None:
        return []
    first.write(session.run)
    session.log.info(first.words())
    return view_warnings(first)


def image_cache(task: PretrainTask) -> list[str]:
    """Set up the memory for decoded images (``cache``), before the loader's workers are forked; returns a line."""
    settings = task.settings
    looks = task.steps / task.per_epoch
    workers, ranks = loader_workers(settings.workers), local_world_size()
    note = keep_decoded(task.inputs.catalogs(), settings.cache, looks=looks, workers=workers, ranks=ranks)
    return [note] if note else []


def health_monitor(task: PretrainTask, session: Session, method: Method, schedule: Schedule) -> HealthMonitor:
    """The monitor that raises alarms; its reference values are saved for the report."""
    reference = HealthReference.of(
        dim=task.settings.model.embedding_dim,
        queue=method.queue_length or task.batch_negatives,
        grace=max(GRACE, 2 * schedule.warmup, min(task.steps // 5, 2000)),
    )
    if session.context.main:
        reference.write(session.run)
    return HealthMonitor(reference)


def step_batches(task: PretrainTask, session: Session, method: Method) -> DataLoader[Any]:
    """Batches of the remaining steps for this rank; one item of the loader is one step."""
    settings, context = task.settings, session.context
    sampler = StepSampler(
        len(task.dataset),
        settings.batch_size,
        settings.seed,
        start=session.start,
        stop=task.steps,
        rank=context.rank,
        world=context.world,
        shuffled=method.shuffles and settings.contrast.bn_groups > 0,
    )
    return build_loader(
        task.dataset,
        sampler,
        workers=loader_workers(settings.workers),
        device=context.device,
        ranks=local_world_size(),
        warn=session.log.warn,
    )


def prepare_views(task: PretrainTask, session: Session, method: Method) -> None:
    """Compute what the method's views need from all images: rank 0 computes it, then the other ranks load it."""
    context = session.context
    if context.main and (message := method.prepare_data(task.dataset, session.run.path, session.start)):
        session.log.info(message)
    context.wait_for_main()
    if not context.main:
        method.prepare_data(task.dataset, session.run.path, session.start)


def probe_checks(
    task: PretrainTask, session: Session, method: Method, labeled: LabeledProbes | None, grace: int
) -> list[tuple[int, WatchedProbes]]:
    """The probes as checks of the training loop; every rank has them, to stay in step, and rank 0 computes them.

    For a new run they are also computed here, before the first step; for one that was stopped as they were due, now.
    """
    probe, context = task.settings.probe, session.context
    again = bool(context.highest(int(lacks_probes(task, session))))
    if probe is None or (session.start >= task.steps and not again):
        return []
    invariance = invariance_probe(task) if context.main else None
    if context.main and invariance is None:
        session.log.info("no invariance score: the images were prepared without proposals")
    probes = RunProbes(method, context.device, labeled, invariance)
    comparison = None
    if labeled is not None and labeled.sets:
        counts = {one.name: one.effective_count for one in labeled.sets}
        comparison = StartComparison(counts, from_weights=task.settings.model.init != "none", grace=grace)
        for row in session.run.metrics():  # of a resumed run
            comparison.add(row["step"], row)
    watched = WatchedProbes(probes, comparison, session.run, session.log, context.highest, probe.stop_below_start)
    if session.start == 0 or again:
        session.log.row(session.start, watched(session.start))
    return [(probe.every, watched)]


def lacks_probes(task: PretrainTask, session: Session) -> bool:
    """Whether rank 0 has no values of probes that were due at the step of the checkpoint, because a signal came."""
    probe, step, rows = task.settings.probe, session.start, session.run.metrics() if session.context.main else []
    due = probe is not None and (step == task.steps or (probe.every > 0 and step % probe.every == 0))
    first, found = ({name for row in rows if row["step"] == at for name in row} - {"step"} for at in (0, step))
    return session.log.pending is not None or (due and bool(first) and first.isdisjoint(found))
