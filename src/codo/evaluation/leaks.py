"""Warn when images that a detector is evaluated on were in its pretraining pool.

No label leaks that way, but results on images that were pretrained on tell less about new images
(docs/method.md#leaks). Files are compared by content hash, so only identical files are found, not resized copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codo.annotations.records import Annotations
from codo.catalog.catalog import Catalog
from codo.core.errors import InputError
from codo.core.run import Run, is_run, open_run
from codo.loading.pools import split_share
from codo.preparation.chunk_worker import content_hash
from codo.preparation.prepare import open_prepared


def leak_warning(annotations: Annotations, weights: str) -> str | None:
    """`pool_warning` of the images that a detector is evaluated on."""
    return pool_warning([annotations.path(i) for i in range(len(annotations))], weights, "to evaluate on")


def pool_warning(paths: Sequence[Path], weights: str, use: str) -> str | None:
    """A warning when images were in the pretraining pool of the weights, or when that cannot be checked.

    Args:
        paths: The image files.
        weights: See `lineage`.
        use: What the images are used for, as a phrase in the message.

    Returns:
        ``None`` when all catalogs were checked and contain none of the images.
    """
    unread: str | None = None
    for run in lineage(weights):
        catalogs, missing = pretraining_catalogs(run)
        if seen := seen_in_pretraining(paths, catalogs):
            return (
                f"{len(seen)} of {len(paths)} images {use} were in the pretraining pool of {run.path} "
                f"(the first: {seen[0].name}); results on them may not hold for new images"
            )
        if missing and unread is None:
            more = f", nor {len(missing) - 1} more" if len(missing) > 1 else ""
            unread = (
                f"cannot check whether images {use} were in the pretraining pool of {run.path}: {missing[0]} cannot be "
                f"opened{more}; to check, put the catalog, or a link to it, at that path"
            )
    return unread


def seen_in_pretraining(paths: Sequence[Path], catalogs: Sequence[Catalog]) -> list[Path]:
    """The image files whose bytes are also in one of the catalogs."""
    known = {row.tobytes() for catalog in catalogs for row in catalog.hashes}
    return [path for path in paths if content_hash(path.read_bytes()) in known] if known else []


def lineage(weights: str) -> list[Run]:
    """The runs that weights come from, newest first.

    Args:
        weights: A run, a file inside one (an export, a checkpoint), or any other value of ``weights=``.

    Returns:
        The run, the run whose weights it started from, and so on, as far as they still exist.
    """
    runs: list[Run] = []
    while (run := _run_of(weights)) is not None and run.path not in [known.path for known in runs]:
        runs.append(run)
        config = run.config
        weights = str(config.get("weights") or config.get("model", {}).get("init") or "none")
    return runs


def _run_of(weights: str) -> Run | None:
    path = Path(weights).absolute()
    folders = (path, *path.parents) if path.exists() else ()
    return next((open_run(folder) for folder in folders if is_run(folder)), None)


def pretraining_catalogs(run: Run) -> tuple[list[Catalog], list[str]]:
    """The catalogs of a pretraining run, cached ones included, and the paths of those that can no longer be opened.

    Both are empty for other runs.
    """
    if run.verb != "pretrain":
        return [], []
    pools = run.config.get("backgrounds", {})
    named = {run.config.get("foregrounds"), *pools.get("query", ()), *pools.get("key", ())} - {None}
    found, missing = [], []
    for path in sorted({split_share(name)[0] for name in named}):
        try:
            found.append(open_prepared(path, propose=False))
        except InputError:
            missing.append(path)
    return found, missing
