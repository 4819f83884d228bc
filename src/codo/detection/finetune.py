"""``codo finetune``: a detector from given weights, put together top to bottom, on the loop of pretraining.

Everything that can be wrong with the input is found before the run directory is created. A finished run holds, beside
what every run does (see ``codo.core.run``)::

    RUN/detector.json                  see ``saved``
    RUN/labeled_images.txt            names of the images that it learns from, one a line (see data.fraction)
    RUN/load_report.txt                what weights= matched
    RUN/detections_val.json            detections of the last evaluation (with early_stop: of the best), see ``results``
    RUN/exports/detector.safetensors   the detector that made them, see ``saved``
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from codo.annotations.images import shared_images
from codo.core.config import nest, resolve
from codo.core.errors import InputError
from codo.core.io import write_atomically
from codo.core.paths import absolute
from codo.core.run import Run, check_out, start_run
from codo.detection.detector import Detector, Norm
from codo.detection.detector_io import FILE, export_detector
from codo.detection.finetune_settings import FinetuneSettings
from codo.detection.load_pretrained import architecture, load_weights
from codo.detection.optim import build_detector_optimizer
from codo.detection.protocol import length_in_words, norm_in_words, rate_in_words
from codo.detection.task import Task, build_loader, prepare_task
from codo.detection.validation import Validation
from codo.evaluation.health import HealthMonitor
from codo.evaluation.leaks import leak_warning
from codo.models.load_report import LoadReport
from codo.training import checkpoint
from codo.training.distributed import DistributedContext, join_processes, use_bf16
from codo.training.logging import RunLog
from codo.training.optim import Schedule
from codo.training.trackers import check_trackers
from codo.training.trainer import TrainingJob, distribute, train
from codo.training.trainer import save as checkpoint_step


def finetune(recipe: str | Path | None = None, **overrides: Any) -> Run:
    """Train a detector on labeled images and evaluate it; the same call again resumes.

    Args:
        recipe: Name of a shipped recipe, or a YAML file.
        **overrides: Settings on top of it, nested or with dotted names: ``**{"optim.lr": 0.01}``.

    Returns:
        The finished run: metrics with ``ap/bbox/AP`` and the rest, ``detections_val.json``, and
        ``exports/detector.safetensors``.

    Raises:
        InputError: Bad settings or input; nothing has been written.
        Interrupted: Ctrl-C; a checkpoint has been saved.
        Preempted: SIGTERM; a checkpoint has been saved.
        CodoError: The run cannot go on (see the message).

    Example:
        >>> import codo
        >>> run = codo.finetune("finetune_laptop", data="labeled", weights="runs/mine", out="runs/detector")
        >>> (run.exports_dir / "detector.safetensors").is_file()
        True
    """
    settings = resolve_settings(recipe, overrides)
    with join_processes(settings.device) as mine:
        run = _finetune(settings, mine)
        if mine.main:
            from codo.reporting.report import write_report  # loads matplotlib, which no first step should wait for

            write_report(run)
        mine.barrier()
    return run


def resolve_settings(recipe: str | Path | None, overrides: Mapping[str, Any]) -> FinetuneSettings:
    """The settings, with the trunk taken from the weights where they are a run.

    Raises:
        InputError: Bad settings, or weights of a run with another trunk than the command demands.
    """
    given = nest(overrides)
    settings = with_absolute_paths(resolve(FinetuneSettings, recipe, given))
    return settings.model_copy(update={"model": architecture(settings.weights, settings.model, given.get("model", {}))})


def with_absolute_paths(settings: FinetuneSettings) -> FinetuneSettings:
    """The settings with paths that a later command finds from any folder."""
    weights = settings.weights if settings.weights in ("none", "imagenet") else absolute(settings.weights)
    changed = {"data": settings.data.with_absolute_paths(), "weights": weights, "out": absolute(settings.out)}
    return settings.model_copy(update=changed)


def _finetune(settings: FinetuneSettings, mine: DistributedContext) -> Run:
    # 1. Everything that can be wrong, before anything is written.
    check_trackers(settings.log)
    task = prepare_task(settings, mine.world)
    settings, config = task.settings, task.settings.model_dump(mode="json")
    resumes = check_out(settings.out, config)
    torch.manual_seed(settings.seed)
    detector = Detector(
        settings.model,
        settings.detector,
        classes=len(task.card.categories),
        masks=task.card.masks,
        norm=resolve_norm(settings.norm, mine),
        freeze=settings.freeze,
        seed=settings.seed,
    )
    report = None if resumes else load_weights(detector, settings.weights, settings.model)
    mine.barrier()  # no rank may create the folder while another still looks whether it is free

    # 2. The run, and where it was left.
    run = start_run(settings.out, config, "finetune", mine.hardware) if mine.main else Run(Path(settings.out))
    try:
        if mine.main:
            task.card.write(run)
            task.write_images(run)
        return _train(task, mine, run, detector, report)
    finally:
        run.unlock()


def _train(task: Task, mine: DistributedContext, run: Run, detector: Detector, report: LoadReport | None) -> Run:
    settings, warnings = task.settings, list[str]()
    if mine.main:
        checkpoint.remove_temporary(run)
    mine.barrier()
    state = checkpoint.load_last(run, warnings.append)
    step = state["step"] if state else 0
    if state:
        detector.load_state_dict(state["method"])
        torch.set_rng_state(state["rng"])
    elif report is None:  # a run that had begun but saved nothing starts anew
        report = load_weights(detector, settings.weights, settings.model)
    detector.to(mine.device).to(memory_format=torch.channels_last)
    optimizer = build_detector_optimizer(detector, settings.optim, mine.device)
    if state:
        optimizer.load_state_dict(state["optimizer"])
    log = RunLog(run if mine.main else None, settings.log, start=step, total=task.steps)

    def save(done: int) -> None:
        checkpoint_step(job, done)

    validation = Validation(task, mine, run, detector, log, save)
    job = TrainingJob(
        run=run,
        method=detector,
        module=distribute(detector, mine),
        optimizer=optimizer,
        schedule=Schedule(
            settings.optim,
            batch_size=settings.batch_size,
            steps=task.steps,
            per_epoch=task.per_epoch,
            reference=settings.optim.reference_batch,
        ),
        batches=build_loader(task, mine, start=step, stop=task.steps),
        start=step,
        stop=task.steps,
        config=settings.model_dump(mode="json"),
        log=log,
        log_every=settings.log.every,
        save_every=settings.checkpoint_every,
        keep=settings.keep_checkpoints,
        processes=mine,
        bf16=use_bf16(settings.precision, mine.device),
        images_per_step=settings.batch_size,
        health=HealthMonitor(),
        checks=[(settings.eval_every, validation)],
        slow_checks=True,
        enough=validation.enough,
    )

    # 3. Train, evaluate, hand over.
    try:
        warnings += [*task.train.warnings, *task.val.warnings, shared_images(task.train, task.val)]
        for warning in filter(None, [*warnings, leak_warning(task.val, settings.weights) if mine.main else None]):
            log.warn(warning)
        if report is not None and mine.main:
            write_atomically(run.path / "load_report.txt", report.table() + "\n")
            log.say(f"weights={settings.weights}\n{report.table()}")
        if state:
            log.say(f"resumed from step {step}")
        if mine.main:
            job.health.replay(run.metrics())
        log.say(norm_in_words(resolve_norm(settings.norm, mine), settings.batch_size, mine, settings.weights))
        log.say(rate_in_words(settings.optim, job.schedule, settings.batch_size))
        log.say(length_in_words(task.steps, settings.batch_size, len(task.images), job.schedule.warmup))
        if validation.missing(step):  # stopped between a checkpoint and its scores
            log.row(step, validation(step))
        if step < task.steps and not validation.enough(step):
            train(job)
        if mine.main and settings.early_stop is None:  # else the best has been exported on the way
            export_detector(run.exports_dir / FILE, detector, task.card)
    finally:
        log.close()
    return run


def resolve_norm(norm: Norm, mine: DistributedContext) -> Norm:
    """The setting ``norm`` with ``auto`` resolved.

    Raises:
        InputError: ``sync`` without GPUs.
    """
    if norm == "auto":
        return "sync" if mine.world > 1 and mine.device.type == "cuda" else "batch"
    if norm == "sync" and mine.device.type != "cuda":
        raise InputError("norm=sync needs GPUs", where="norm", fix="set norm=batch or norm=auto")
    return norm
