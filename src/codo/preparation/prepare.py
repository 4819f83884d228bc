"""``codo prepare``: makes a catalog of a source of images.

In this order: check everything, list the source, write the manifest, work on its chunks, merge them. Nothing is written
before everything is checked. Killed at any moment, the same command continues (manifest.py says how).
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from codo.catalog.catalog import Catalog, is_catalog, open_catalog
from codo.core.cache import VARIABLE, default_cache
from codo.core.errors import InputError, Interrupted, Preempted
from codo.core.io import FileLock
from codo.core.paths import absolute
from codo.core.signals import Terminated
from codo.preparation import engines
from codo.preparation.changes import changes_note
from codo.preparation.manifest import (
    Manifest,
    Report,
    discard,
    has_manifest,
    make_manifest,
    read_manifest,
    working_directory,
)
from codo.preparation.merge import check_rejections, merge
from codo.preparation.request import Request, Source, check_out
from codo.sources.listing import Listing

CATALOGS = "catalogs"
"""Folder of prepared catalogs in the cache."""


def prepare(
    source: Source,
    out: str | Path,
    *,
    propose: bool = True,
    pack: int | None = None,
    jobs: int | None = None,
    engine: str = "local",
    progress: bool = True,
    **settings: Any,
) -> Catalog:
    """Make a catalog of a source of images.

    A finished catalog of the same source and settings is opened. Its source is only listed, to warn of images that have
    changed since then (with ``progress``).

    Args:
        source: A folder, tar, zip, Parquet table, COCO json, VOCdevkit, text file of paths, pattern or URL, or several
            of them.
        out: The catalog's directory, on a local or shared disk.
        propose: Search proposals; without them a catalog can only be used as backgrounds.
        pack: Write JPEG shards with this short side in pixels; ``None`` leaves the images where they are.
        jobs: Number of processes, or of Ray's tasks at the same time; by default one for each core that this process
            may use, or that the cluster has.
        engine: ``local``, or ``ray`` for a Ray cluster.
        progress: Show a progress bar where stderr is a terminal, and warnings.
        **settings: The other settings of `PrepareSettings`, nested or with dots (``**{"proposals.mode": "quality"}``).

    Returns:
        The catalog, the same whatever ``jobs`` and ``engine``.

    Raises:
        InputError: The source, the settings or ``out`` are invalid; nothing has been written.
        CodoError: Too many images were rejected, the disk is full, or a worker died; the same command continues.
        Interrupted: Ctrl-C; the same command continues.

    Example:
        >>> import codo
        >>> catalog = codo.prepare("photos", "catalogs/photos")
        >>> len(catalog)
        24
    """
    request = Request.of(source, out, {"propose": propose, "pack": pack, **settings})
    catalog = _prepare(request, jobs=jobs, engine=engine, progress=progress)
    assert catalog is not None  # only a share can lack the rest
    return catalog


def prepare_shard(
    source: Source, out: str | Path, shard: str, *, jobs: int | None = None, progress: bool = True, **settings: Any
) -> Catalog | None:
    """Process one of ``n`` equal shares of a preparation, as a task of a job array.

    All tasks work in the same ``out`` on a shared disk. The last one to finish merges their results; if one has failed,
    `prepare` (the command without ``--shard``) does what is missing and merges.

    Args:
        source: As in `prepare`.
        out: The catalog's directory.
        shard: ``i/n``, from ``1/n`` to ``n/n``.
        jobs: Number of processes of this task.
        progress: Show a progress bar where stderr is a terminal.
        **settings: All settings of `PrepareSettings`, ``propose`` and ``pack`` among them.

    Returns:
        The catalog if it is complete now, else ``None``.

    Raises:
        InputError: As in `prepare`, or ``shard`` is not ``i/n``.
        CodoError: As in `prepare`.
    """
    request = Request.of(source, out, settings)
    return _prepare(request, jobs=jobs, progress=progress, share=_share(shard))


def open_or_prepare(
    path: str | Path,
    *,
    propose: bool = True,
    cache_dir: str | Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
    **settings: Any,
) -> Catalog:
    """Open a catalog, or prepare any other source into a cache, where the next call finds it.

    The cache key is made of the source, the settings, and names, sizes and times of the source's files, so that a
    changed folder is prepared again. Several processes may call this at the same time: one prepares, the others wait.

    Args:
        path: A catalog, or whatever `prepare` takes.
        propose: Whether proposals are needed; backgrounds need none.
        cache_dir: Where catalogs are kept, by default `default_cache`.
        jobs: As in `prepare`.
        progress: As in `prepare`.
        **settings: As in `prepare`, for sources that are no catalog.

    Raises:
        InputError: As in `prepare`.
        CodoError: As in `prepare`.
    """
    source = absolute(path)
    if is_catalog(source) or has_manifest(Path(source)):
        return open_catalog(source, proposals=propose)
    request, listing = _find(source, propose, cache_dir, settings)
    if not is_catalog(request.out):
        _prepare(request, jobs=jobs, progress=progress, wait=math.inf, listing=listing)
    return open_catalog(request.out, proposals=propose)


def open_prepared(
    path: str | Path, *, propose: bool = True, cache_dir: str | Path | None = None, **settings: Any
) -> Catalog:
    """Open a catalog, or the cached one of any other source (`open_or_prepare`); nothing is prepared.

    Args:
        path: As in `open_or_prepare`, like the other arguments.
        propose: See there.
        cache_dir: See there.
        **settings: See there.

    Raises:
        InputError: There is nothing at ``path``, or it was not prepared, or has changed since.
    """
    source = absolute(path)
    if is_catalog(source) or has_manifest(Path(source)):
        return open_catalog(source, proposals=propose)
    request, _ = _find(source, propose, cache_dir, settings)
    if not is_catalog(request.out):
        fix = f"codo prepare {source} --out DIR"
        raise InputError("not a catalog, and not prepared since it last changed", where=source, fix=fix)
    return open_catalog(request.out, proposals=propose)


def _find(
    source: str, propose: bool, cache_dir: str | Path | None, settings: dict[str, Any]
) -> tuple[Request, Listing]:
    """The catalog of a source in the cache, whether or not it is there yet, and the listing of the source."""
    cache = Path(cache_dir) if cache_dir else default_cache()
    # A cached catalog with proposals serves as backgrounds, too.
    wanted = (True,) if propose else (True, False)
    requests = [Request.of(source, source, {"propose": proposed, **settings}) for proposed in wanted]
    listing = requests[0].listing()
    found = [replace(request, out=cached_path(cache, request, listing)) for request in requests]
    return next((request for request in found if is_catalog(request.out)), found[-1]), listing


def _prepare(
    request: Request,
    *,
    jobs: int | None = None,
    engine: str = "local",
    progress: bool = True,
    wait: float = 5,
    share: tuple[int, int] = (0, 1),
    listing: Listing | None = None,
) -> Catalog | None:
    """Check, list, process and merge; ``share`` is ``(i, n)`` with i from 0. ``None`` when other shares are missing."""
    out = request.out
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs is {jobs}", where="jobs", fix="give a number of processes, at least 1")
    engines.check(engine)
    check_out(request)
    if is_catalog(out):
        discard(out)  # in case the last run was killed right after writing the catalog
        catalog = open_catalog(out)
        if progress and share[1] == 1 and (note := changes_note(request, catalog)):
            tqdm.write(f"WARNING {note}", file=sys.stderr)
        return catalog
    # Tasks of a job array share the first one's listing: a hundred of them need not walk the same folder.
    if listing is None and not (share[1] > 1 and has_manifest(out)):
        listing = request.listing()
    if (note := engines.start(engine, jobs)) and progress:
        tqdm.write(note, file=sys.stderr)
    with _alone(working_directory(out) / f"{share[0] + 1}-of-{share[1]}.lock", wait=wait):
        if is_catalog(out):  # another process has finished it while this one waited
            discard(out)
            return open_catalog(out)
        manifest = _open_manifest(request, listing)
        todo, reports = _progress_so_far(manifest, share)
        try:
            _work(manifest, todo, reports, jobs=jobs, engine=engine, progress=progress)
            if share[1] > 1 and any(manifest.report(index) is None for index in range(len(manifest))):
                return None
            with _alone(manifest.folder / "merge.lock", wait=math.inf):
                if not is_catalog(out):
                    merge(manifest, bar=progress)
        except KeyboardInterrupt as error:
            fix = "run the same command again: it continues where it stopped"
            if isinstance(error, Terminated):
                raise Preempted(f"stopped by {error}", where=str(out), fix=fix) from error
            raise Interrupted("interrupted", where=str(out), fix=fix) from error
    return open_catalog(out)


@contextmanager
def _alone(path: Path, *, wait: float) -> Iterator[None]:
    """Hold a lock meanwhile.

    Raises:
        InputError: Another process still holds it after ``wait`` seconds.
    """
    lock, acquired = FileLock(path), None
    while acquired is None:
        _create(path.parent)
        with suppress(FileNotFoundError):  # another process has finished meanwhile, and removed the folder
            acquired = lock.acquire(wait)
    if not acquired:
        fix = "wait for it to end, or choose another --out"
        raise InputError("another codo prepare is writing here", where=str(path.parent), fix=fix)
    try:
        yield
    finally:
        lock.release()


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fix = "name another one"
        if folder.parent.parent == default_cache() / CATALOGS:
            fix = f"set {VARIABLE}=DIR to a folder for prepared images, or prepare them: codo prepare … --out DIR"
        raise InputError(
            f"cannot create the catalog's directory: {error.strerror}", where=str(folder.parent), fix=fix
        ) from error


def _open_manifest(request: Request, listing: Listing | None) -> Manifest:
    """The manifest on disk when it is of this listing, else a new one."""
    if has_manifest(request.out):
        manifest = read_manifest(request.out)
        if listing is None or manifest.fingerprint == listing.fingerprint():
            # Only ``max_rejected`` can differ; it decides nothing but whether to go on.
            return replace(manifest, settings=request.settings)
    listing = listing or request.listing()
    return make_manifest(request.out, request.source, request.settings, listing)


def _progress_so_far(manifest: Manifest, share: tuple[int, int]) -> tuple[list[int], list[Report]]:
    """The chunks of this share that are left, and the reports of those that are finished."""
    own = range(share[0], len(manifest), share[1])
    reports = {index: report for index in own if (report := manifest.report(index)) is not None}
    if manifest.settings.pack and len(reports) < len(own):
        # An interrupted merge may have left shards, made of parts that are now missing. These parts are made again, and
        # the shards with them.
        for shard in manifest.out.glob("shard-*.tar"):
            shard.unlink()
        reports = {index: report for index, report in reports.items() if manifest.tar(index).exists()}
    return [index for index in own if index not in reports], list(reports.values())


def _work(
    manifest: Manifest, todo: list[int], reports: list[Report], *, jobs: int | None, engine: str, progress: bool
) -> None:
    """Process chunks with a progress bar; stop as soon as more images are rejected than allowed for all of them."""
    total = manifest.listing.num_rows
    left = sum(manifest.count(index) for index in todo)
    own = left + sum(report.members for report in reports)
    rejected = sum(len(report.rejected) for report in reports)
    with (
        tqdm(total=own, initial=own - left, desc="prepare", unit=" images", disable=None if progress else True) as bar,
        closing(engines.run(engine, manifest, todo, jobs)) as finished,
    ):
        for report in finished:
            reports.append(report)
            rejected += len(report.rejected)
            bar.update(report.members)
            bar.set_postfix(rejected=rejected, refresh=False)
            if rejected > manifest.settings.max_rejected * total:
                check_rejections(manifest, reports, total=total)


def cached_path(cache: Path, request: Request, listing: Listing) -> Path:
    """Where the catalog of a source is kept in a cache."""
    text = json.dumps([request.as_dict(), listing.fingerprint()], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return cache / CATALOGS / f"{Path(request.source[0]).stem}-{digest}"


def _share(shard: str) -> tuple[int, int]:
    number, slash, of = shard.partition("/")
    if not (slash and number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise InputError(f"'{shard}' is not a share of the work", where="shard", fix="write i/n, from 1/n to n/n")
    return int(number) - 1, int(of)
