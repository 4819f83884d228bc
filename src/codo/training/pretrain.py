"""``codo pretrain``: puts a run together from the rooms below, top to bottom.

Everything that can be wrong with the input is found before the run directory is created.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from codo.catalog.catalog import Catalog, is_catalog
from codo.core.config import resolve, shipped_recipes
from codo.core.io import write_atomically
from codo.core.run import Run, check_out, start_run
from codo.evaluation.health import GRACE, HealthMonitor, HealthReference, queue_warning
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.pools import Pool, split_share
from codo.loading.sampler import StepSampler, check_batch
from codo.loading.step_dataset import StepDataset
from codo.loading.warm_up import load_kernels
from codo.methods.base import Method
from codo.methods.registry import METHODS, build_method, find_method, own_settings, unused_settings
from codo.preparation.prepare import open_or_prepare
from codo.probes.invariance import InvarianceProbe
from codo.training import checkpoint
from codo.training.distributed import DistributedContext, join_processes, loader_workers, use_bf16
from codo.training.logging import RunLog
from codo.training.optim import Schedule, build_optimizer
from codo.training.pretrain_settings import PretrainSettings, length, with_absolute_paths
from codo.training.probing import LabelledProbes
from codo.training.trackers import check_trackers
from codo.training.trainer import TrainingJob, distribute, train
from codo.views.cpj import CPJSettings
from codo.views.photometric import AugmentSettings


def pretrain(recipe: str | Path | None = None, **overrides: Any) -> Run:
    """Pretrain a detector trunk; the same call again resumes.

    Args:
        recipe: Name of a shipped recipe, or a YAML file.
        **overrides: Settings on top of it, nested or with dotted names: ``**{"optim.lr": 0.03}``.

    Returns:
        The finished run.

    Raises:
        InputError: Bad settings or input; nothing has been written.
        Interrupted: Ctrl-C; a checkpoint has been saved.
        Preempted: SIGTERM; a checkpoint has been saved.
        CodoError: The run cannot go on (see the message).

    Example:
        >>> import codo
        >>> run = codo.pretrain(
        ...     "laptop", foregrounds="catalogs/photos", backgrounds=["catalogs/photos"], out="runs/mine"
        ... )
        >>> run.verb, len(run.checkpoints()) > 0
        ('pretrain', True)
    """
    settings = with_absolute_paths(resolve(PretrainSettings, recipe or recipe_of_method(overrides), overrides))
    unused = unused_settings(settings.method, overrides)
    told = [f"method {settings.method} has no use for {', '.join(unused)}: it changes nothing"] if unused else []
    return run_pretraining(settings, told)


def run_pretraining(settings: PretrainSettings, warnings: Sequence[str] = ()) -> Run:
    """Pretrain by complete settings whose paths are absolute; returns and raises like `pretrain`.

    Args:
        settings: All of them.
        warnings: To be told in the run's log.
    """
    with join_processes(settings.device) as mine:
        run = _pretrain(settings, mine, list(warnings))
        if mine.main:
            from codo.reporting.report import write_report  # loads matplotlib, which no first step should wait for

            write_report(run)
        mine.barrier()
    return run


def check(settings: PretrainSettings, world: int = 1) -> tuple[PretrainSettings, DatasetInputs, StepDataset]:
    """Look at a run's images and at whether its settings suit them; plain image folders are prepared.

    Returns:
        The settings as the run records them, its images and its views.

    Raises:
        InputError: See `pretrain`.
    """
    check_trackers(settings.log)
    material = open_inputs(settings)
    dataset = find_method(settings.method).dataset(material)
    settings = settings.model_copy(update={"views": dataset.num_views})  # some methods have it their way
    check_batch(len(dataset), settings.batch_size, world)
    length(settings, len(dataset))
    return settings, material, dataset


def _pretrain(settings: PretrainSettings, mine: DistributedContext, warnings: list[str]) -> Run:
    # 1. Everything that can be wrong, before anything is written.
    settings, material, dataset = check(settings, mine.world)
    probes = LabelledProbes.read(settings.probe, settings.canvas) if settings.probe and mine.main else None
    steps, _ = length(settings, len(dataset))
    config = settings.model_dump(mode="json")
    resumes = check_out(settings.out, config)
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(load_kernels)
        state = checkpoint.load_last(Run(Path(settings.out)), warnings.append) if resumes else None
        torch.manual_seed(settings.seed)
        start_from = settings.model.model_copy(update={"init": "none"}) if state else settings.model
        method = build_method(
            settings.method,
            start_from,
            settings.contrast,
            batch_size=settings.batch_size,
            world=mine.world,
            seed=settings.seed,
            options=settings.options,
            steps=steps,
            classes=len(getattr(dataset, "classes", ())),
        )
    loading.result()
    mine.barrier()  # no rank may create the folder while another still looks whether it is free

    # 2. The run, and where it was left.
    run = start_run(settings.out, config, "pretrain", mine.hardware) if mine.main else Run(Path(settings.out))
    try:
        return _train(settings, mine, run, material, dataset, method, state, warnings, probes)
    finally:
        run.unlock()


def _train(
    settings: PretrainSettings,
    mine: DistributedContext,
    run: Run,
    material: DatasetInputs,
    dataset: StepDataset,
    method: Method,
    state: dict[str, Any] | None,
    warnings: list[str],
    probes: LabelledProbes | None,
) -> Run:
    if mine.main:
        checkpoint.remove_temporary(run)
    stop, per_epoch = length(settings, len(dataset))
    step, device = (state["step"] if state else 0), mine.device
    if state:
        method.load_state_dict(state["method"])
        torch.set_rng_state(state["rng"])
    if method.batch_statistics == "global" and mine.world > 1 and device.type == "cuda":
        method = nn.SyncBatchNorm.convert_sync_batchnorm(method)  # type: ignore[no-untyped-call]
    method.to(device).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(method, settings.optim, device, fixed=method.constant_lr_modules())
    if state:
        optimizer.load_state_dict(state["optimizer"])
    if settings.compile:
        for module in method.compilable():
            module.compile()
    log = RunLog(run if mine.main else None, settings.log, start=step, total=stop)
    schedule = Schedule(settings.optim, batch_size=settings.batch_size, steps=stop, per_epoch=per_epoch)
    reference = HealthReference.of(
        dim=settings.model.embedding_dim,
        queue=method.negatives,
        grace=max(GRACE, 2 * schedule.warmup, min(stop // 5, 2000)),
    )
    job = TrainingJob(
        run=run,
        method=method,
        module=distribute(method, mine),
        optimizer=optimizer,
        schedule=schedule,
        batches=build_loader(settings, dataset, mine, start=step, stop=stop, shuffled=method.shuffles),
        finish_batch=dataset.finish,
        start=step,
        stop=stop,
        config=settings.model_dump(mode="json"),
        log=log,
        log_every=settings.log.every,
        save_every=settings.checkpoint_every,
        keep=settings.keep_checkpoints,
        processes=mine,
        bf16=use_bf16(settings.precision, device),
        images_per_step=settings.batch_size * settings.views,
        health=HealthMonitor(reference),
    )

    # 3. Train.
    try:
        told = probes.warnings(str(run.path)) if probes else []
        overfull = queue_warning(method.negatives, len(dataset)) if method.negatives else None
        for warning in filter(None, [*warnings, overfull, *told]):
            log.warn(warning)
        if state is None and method.load_report is not None and mine.main:
            write_atomically(run.path / "load_report.txt", method.load_report.table() + "\n")
            log.say(f"model.init={settings.model.init}\n{method.load_report.table()}")
        if state:
            log.say(f"resumed from step {step}")
        if mine.main:
            reference.write(run)
            job.health.replay(run.metrics())
        if mine.main and (found := method.prepare_data(dataset, run.path, step)):
            log.say(found)
        mine.barrier()
        if not mine.main:
            method.prepare_data(dataset, run.path, step)
        if settings.probe is not None and step < stop:
            # On every rank, so that all agree on what is due; rank 0 does the work.
            invariance = invariance_probe(material, settings) if mine.main else None
            if mine.main and invariance is None:
                log.say("no invariance score: the images were prepared without proposals")

            def ask(step: int) -> Mapping[str, float]:
                if probes is None:
                    return {}
                method.eval()
                found = probes.scores(method.exports(), device)
                if invariance is not None:
                    embed = partial(embed_boxes, method, device)
                    found |= {"invariance": invariance.score(embed), "invariance_chance": invariance.chance}
                return found

            if step == 0:
                log.row(0, ask(0))
                method.train()
            job.checks.append((settings.probe.every, ask))
        if step < stop:
            train(job)
    finally:
        log.close()
    return run


def recipe_of_method(overrides: Mapping[str, Any]) -> str | None:
    """The recipe of a method that has one of its own name: its augmentation, schedule and optimizer."""
    name = str(overrides.get("method", ""))
    return name if name in shipped_recipes() and name in METHODS else None


def open_inputs(settings: PretrainSettings) -> DatasetInputs:
    """Open the catalogs of a run, preparing plain image folders on first use.

    Raises:
        InputError: A catalog is missing or cannot be made.
    """
    opened: dict[str, Catalog] = {}

    def open_once(path: str, *, propose: bool) -> Catalog:
        if path not in opened:
            opened[path] = open_or_prepare(path, propose=propose)
        return opened[path]

    def pool(entries: tuple[str, ...]) -> Pool | None:
        parts = [split_share(entry) for entry in entries]
        if not parts:
            return None
        return Pool([open_once(path, propose=False) for path, _ in parts], [share for _, share in parts])

    method = find_method(settings.method)
    # Where a catalog has proposals every method is asked for background invariance; no folder is searched for that.
    asked = settings.probe is not None and is_catalog(settings.foregrounds)
    return DatasetInputs(
        images=open_once(settings.foregrounds, propose=method.needs_proposals or asked),
        query=pool(settings.backgrounds.query),
        key=pool(settings.backgrounds.key),
        canvas=settings.canvas,
        views=settings.views,
        pasting=settings.cpj,
        augment=settings.augment,
        options=own_settings(method, settings.options),
        seed=settings.seed,
    )


def invariance_probe(material: DatasetInputs, settings: PretrainSettings) -> InvarianceProbe | None:
    """The probe of background invariance; ``None`` where the images have no proposals.

    It pastes as CoDo does by default whatever the run does, so that methods and settings can be compared. Methods that
    paste nothing are asked on backgrounds from the images themselves.
    """
    if settings.probe is None or not material.images.has_proposals:
        return None
    own = Pool([material.images], [None])
    plain = replace(material, pasting=CPJSettings(), augment=AugmentSettings())
    pasted = replace(plain, query=material.query or own, key=material.key or own)
    return InvarianceProbe(pasted.pasted_views(), settings.probe, settings.seed)


def embed_boxes(method: Method, device: torch.device, images: Tensor, boxes: Tensor) -> Tensor:
    """What a method says of boxes on canvases that lie on the CPU."""
    return method.embed_boxes(images.to(device), boxes.to(device))


def build_loader(
    settings: PretrainSettings,
    dataset: StepDataset,
    mine: DistributedContext,
    *,
    start: int,
    stop: int,
    shuffled: bool = True,
) -> DataLoader[Any]:
    """Batches of the steps ``start`` to ``stop`` of this rank; one item is one step."""
    sampler = StepSampler(
        len(dataset),
        settings.batch_size,
        settings.seed,
        start=start,
        stop=stop,
        rank=mine.rank,
        world=mine.world,
        shuffled=shuffled and settings.contrast.bn_groups > 0,
    )
    workers = min(loader_workers(settings.workers), len(sampler))
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        pin_memory=mine.device.type == "cuda",
        worker_init_fn=worker_init,
        collate_fn=identity_collate,
        prefetch_factor=2 if workers else None,
    )


def identity_collate(batch: Any) -> Any:
    """Leave a batch alone: the loader would make tensors of arrays that are to stay on the host."""
    return batch


def worker_init(_: int) -> None:
    """One thread a worker, and signals left to the main process, which decides when to stop."""
    import signal

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
