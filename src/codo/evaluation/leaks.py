"""Warn when images that a detector is evaluated on were in its pretraining pool.

No label leaks that way, but results on images that were pretrained on tell less about new images
(docs/method.md#leaks). Files are compared by content hash; then, up to a number of images, by what they look like, for
resized and re-encoded copies (`codo.duplicates`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codo.annotations.records import Annotations
from codo.catalog.catalog import Catalog
from codo.catalog.content import content_hash
from codo.core.errors import InputError
from codo.core.run import Run, is_run, open_run
from codo.duplicates.near import first, near_in_catalogs, too_many, what_they_are
from codo.loading.pools import split_share
from codo.preparation.prepare import open_prepared


def leak_warning(annotations: Annotations, weights: str, near: int = 0) -> str | None:
    """`pool_warning` of the images that a detector is evaluated on."""
    return pool_warning([annotations.path(i) for i in range(len(annotations))], weights, "to evaluate on", near)


def pool_warning(
    paths: Sequence[Path], weights: str, use: str, near: int = 0, setting: str = "near_duplicates"
) -> str | None:
    """A warning when images were in the pretraining pool of the weights, or when that cannot be checked.

    Args:
        paths: The image files.
        weights: See `lineage`.
        use: What the images are used for, as a phrase in the message.
        near: The largest pool, in images, in which near-duplicates are looked for; 0: only equal files are.
        setting: The setting that ``near`` is from.

    Returns:
        ``None`` when all catalogs were checked and contain none of the images.
    """
    unread: str | None = None
    for run in lineage(weights):
        catalogs, missing = pretraining_catalogs(run)
        told, pool = [], f"the pretraining pool of {run.path}"
        if seen := seen_in_pretraining(paths, catalogs):
            told.append(f"{len(seen)} of {len(paths)} images {use} were in {pool} (the first: {seen[0].name})")
        known = set(seen)
        count = max(len(paths), sum(map(len, catalogs))) if catalogs else 0
        if count <= near and (same := near_in_catalogs([path for path in paths if path not in known], catalogs)):
            told.append(f"{len(same)} of {len(paths)} images {use} {what_they_are(same)} one in {pool} ({first(same)})")
        if told:
            return "; ".join([*told, "results on them may not hold for new images"])
        if count > near > 0 and unread is None:
            unread = too_many(count, f"images of {pool}", setting)
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
