"""``codo finetune``: train a detector from given weights, with the training loop of pretraining.

All input is checked before the run directory is created. A finished run has, in addition to the files of every run (see
``codo.core.run``)::

    RUN/detector.json                  architecture and classes, see ``detector_io``
    RUN/data.txt                       what was read, and what was inferred about it, one line each
    RUN/labeled_images.txt             names of the training images, one per line (see data.fraction)
    RUN/load_report.txt                which tensors of weights= matched
    RUN/detections_val.json            detections of the last evaluation (with early_stop: of the best), see ``results``
    RUN/exports/detector.safetensors   the detector of these detections, see ``detector_io``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from codo.annotations.images import shared_images
from codo.core.config import nest, resolve
from codo.core.errors import InputError
from codo.core.paths import absolute
from codo.core.recipe_width import without_recipe_width
from codo.core.run import Run
from codo.detection.detector import Detector, Norm
from codo.detection.detector_io import FILE, export_detector
from codo.detection.finetune_settings import FinetuneSettings
from codo.detection.load_pretrained import architecture, load_weights, read_as_pretrained, resumed_architecture
from codo.detection.mask_checks import rectangle_warning
from codo.detection.optim import build_detector_optimizer
from codo.detection.protocol import describe_length, describe_levels, describe_lr, describe_norm, describe_rare_classes
from codo.detection.task import Task, prepare_task, training_batches
from codo.detection.validation import Validation
from codo.duplicates.identical_images import identical_warning
from codo.duplicates.near import split_warning
from codo.evaluation.health import HealthMonitor
from codo.evaluation.leaks import leak_warning
from codo.evaluation.start_warnings import warmup_warning
from codo.evaluation.truth_checks import repeated_objects, truth_warnings
from codo.loading.contents import check_contents, labeled_contents, write_contents
from codo.models.normalization import describe_normalization, recorded_normalization
from codo.optim.lr_factors import factor_by_parameter
from codo.optim.optimizer import Schedule, check_milestones
from codo.training.distributed import DistributedContext, join_processes
from codo.training.job import Check, Feed, Watch
from codo.training.session import Session, find_saved, open_session
from codo.training.trackers import check_trackers
from codo.training.trainer import save, train


def finetune(recipe: str | Path | None = None, **overrides: Any) -> Run:
    """Train a detector on labeled images and evaluate it; calling it again with the same arguments resumes.

    Args:
        recipe: Name of a shipped recipe, or a YAML file.
        **overrides: Settings that override the recipe, nested or with dotted names: ``**{"optim.lr": 0.01}``.

    Returns:
        The finished run, with metrics (``ap/bbox/AP``), ``detections_val.json`` and ``exports/detector.safetensors``.

    Raises:
        InputError: Invalid settings or input; nothing has been written.
        Interrupted: Ctrl-C; a checkpoint has been saved.
        Preempted: SIGTERM; a checkpoint has been saved.
        CodoError: The run cannot continue (see the message).

    Example:
        >>> import codo
        >>> run = codo.finetune("finetune_laptop", data="labeled", weights="runs/mine", out="runs/detector")
        >>> (run.exports_dir / "detector.safetensors").is_file()
        True
    """
    return run_finetuning(*_resolved(recipe, overrides))


def resolve_settings(recipe: str | Path | None, overrides: Mapping[str, Any]) -> FinetuneSettings:
    """Resolve the settings; the architecture of the trunk is that of the weights, if they record it.

    Raises:
        InputError: Invalid settings, or weights of another trunk than the command specifies.
    """
    return _resolved(recipe, overrides)[0]


def _resolved(recipe: str | Path | None, overrides: Mapping[str, Any]) -> tuple[FinetuneSettings, list[str]]:
    """The resolved settings, and warnings about them; raises like `resolve_settings`."""
    given = nest(overrides)
    settings, dropped = without_recipe_width(resolve(FinetuneSettings, recipe, given), given)
    settings = with_absolute_paths(settings)
    asked = given.get("model", {})
    model = resumed_architecture(settings.weights, settings.out, settings.model, asked)
    model = model or architecture(settings.weights, settings.model, asked)
    model = model.normalized_for(settings.weights, recorded_normalization(settings.out))
    settings, other = read_as_pretrained(settings.model_copy(update={"model": model}))
    return settings, [warning for warning in (dropped, other) if warning]


def with_absolute_paths(settings: FinetuneSettings) -> FinetuneSettings:
    """The settings with absolute paths, so that a later command may start in any folder."""
    weights = settings.weights if settings.weights in ("none", "imagenet") else absolute(settings.weights)
    changed = {
        "data": settings.data.with_absolute_paths(),
        "weights": weights,
        "out": absolute(settings.out),
        "mirror": settings.mirror and absolute(settings.mirror),
    }
    return settings.model_copy(update=changed)


def run_finetuning(settings: FinetuneSettings, warnings: Sequence[str] = ()) -> Run:
    """Finetune with complete settings and absolute paths; returns and raises like `finetune`.

    Args:
        settings: All settings.
        warnings: Warnings for the run's log.
    """
    with join_processes(settings.device, settings.distributed.timeout) as context:
        # 1. Check all input before anything is written.
        check_trackers(settings.log)
        task = prepare_task(settings, context.world)
        settings = task.settings
        saved, detector = find_saved(settings, context), build_detector(task, context)
        new = saved.state is None
        held = labeled_contents({"train": task.train, "val": task.val})
        check_contents(settings.out, held, context.gather, resumed=not new, held="images or labels", start="weights")
        factor_by_parameter(detector, settings.optim.lr_factors)  # raises errors before anything is written
        loaded = None
        if new:
            check_milestones(settings.optim)
            warn = saved.warnings.append
            loaded = load_weights(detector, settings.weights, settings.model, warn, settings.parts)

        # 2. Open the run, and load its checkpoint if there is one.
        with open_session(settings, "finetune", saved, context, task.steps) as session:
            if context.main:
                write_contents(session.run.path, held, resumed=not new)
                task.card.write(session.run)
                task.write_images(session.run)
                task.write_data(session.run)
            learner = session.learner(
                detector, lambda detector: build_detector_optimizer(detector, settings.optim, context.device)
            )
            schedule = Schedule(
                settings.optim,
                batch_size=settings.batch_size,
                steps=task.steps,
                per_epoch=task.per_epoch,
                reference=settings.optim.reference_batch,
            )
            told = [*warnings, *data_warnings(task, context), warmup_warning(schedule.warmup, task.steps)]
            told.append(schedule.warning())
            session.log_start(told, loaded, source=f"weights={settings.weights}")
            for note in task.notes:
                session.log.info(note)
            log_protocol(task, session, schedule, detector)
            validation = Validation(task, context, session.run, detector, session.log, lambda step: save(job, step))
            checks: list[tuple[int, Check]] = [(settings.eval_every, validation)]
            watch = Watch(
                session.log,
                settings.log.every,
                HealthMonitor(),
                checks,
                slow_checks=True,
                enough=validation.enough,
            )
            batches = training_batches(task, context, start=session.start, stop=task.steps, warn=session.log.warn)
            feed = Feed(batches, settings.batch_size)
            job = session.job(learner, feed, schedule, watch)

            # 3. Train, evaluate, export.
            if validation.missing(session.start):  # stopped after saving a checkpoint, before its evaluation
                session.log.row(session.start, validation(session.start))
            if session.start < task.steps and not validation.enough(session.start):
                train(job)
            if context.main and settings.early_stop is None:  # otherwise the best was exported during the run
                export_detector(session.run.exports_dir / FILE, detector, task.card)
            session.report()
    return session.run


def build_detector(task: Task, context: DistributedContext) -> Detector:
    """The detector with random weights, on the CPU.

    Raises:
        InputError: ``norm=sync`` without GPUs.
    """
    settings = task.settings
    torch.manual_seed(settings.seed)
    return Detector(
        settings.model,
        task.card.detector,
        classes=len(task.card.categories),
        masks=task.card.masks,
        norm=resolve_norm(settings.norm, context),
        freeze=settings.freeze,
        seed=settings.seed,
    )


def data_warnings(task: Task, context: DistributedContext) -> list[str | None]:
    """Warnings about the images."""
    train, val, limit = task.train, task.val, task.settings.near_duplicates
    truth = [repeated_objects(train), *truth_warnings(val), rectangle_warning(train) if task.card.masks else ""]
    told: list[str | None] = [*train.warnings, *val.warnings, *truth, shared_images(train, val)]
    if context.main:
        used, judged = [train.path(int(i)) for i in task.images], [val.path(i) for i in range(len(val))]
        told += [identical_warning(train, val), split_warning(used, judged, limit)]
        told += [leak_warning(val, task.settings.weights, limit)]
    return told


def log_protocol(task: Task, session: Session, schedule: Schedule, detector: Detector) -> None:
    """Log the resolved BatchNorm mode, learning rate and length."""
    settings, context = task.settings, session.context
    norm = resolve_norm(settings.norm, context)
    session.log.info(describe_norm(norm, settings.batch_size, context, settings.weights))
    model = settings.model
    if pixels := describe_normalization(model.normalization, settings.weights, model.backbone):
        session.log.info(pixels)
    if padding := getattr(detector.exports()["backbone"], "note", ""):
        session.log.info(padding)
    session.log.info(describe_lr(settings.optim, schedule, settings.batch_size))
    if levels := describe_levels(settings.detector.canonical_scale, task.card.detector.canonical_scale):
        session.log.info(levels)
    if rare := describe_rare_classes(task.val):
        session.log.info(rare)
    session.log.info(describe_length(task.steps, settings.batch_size, len(task.images), schedule.warmup))


def resolve_norm(norm: Norm, context: DistributedContext) -> Norm:
    """Resolve the setting ``norm``.

    Raises:
        InputError: ``sync`` without GPUs.
    """
    if norm == "auto":
        return "sync" if context.world > 1 and context.device.type == "cuda" else "batch"
    if norm == "sync" and context.device.type != "cuda":
        raise InputError("norm=sync needs GPUs", where="norm", fix="set norm=batch or norm=auto")
    return norm
