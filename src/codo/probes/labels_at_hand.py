"""Labels that lie beside the images of a run: a probe on them would show whether its features get better."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from codo.annotations.formats import READERS
from codo.annotations.source import DataSettings
from codo.loading.dataset_inputs import DatasetInputs
from codo.probes.probe_settings import ProbeSettings

LEVELS = 3
"""Folders looked at for each source: itself and those it lies in, as ``labeled/train/images`` lies in ``labeled``."""


def labels_at_hand(sources: Iterable[str]) -> str | None:
    """The first folder that a source is or lies in and that has labels in a layout that ``data=`` knows.

    The labels are not read, so they may still be invalid; this never raises an error.

    Args:
        sources: Paths of image folders, as catalogs record them; others, such as URLs, are skipped.
    """
    for source in dict.fromkeys(sources):
        path = Path(source)
        if not path.is_dir():
            continue
        for folder in [path, *path.parents][:LEVELS]:
            if _is_labeled(folder):
                return str(folder)
    return None


def labels_note(probe: ProbeSettings | None, inputs: DatasetInputs) -> list[str]:
    """A line if the backgrounds are, or lie in, a folder of labeled images, and no probe uses it."""
    if probe is None or probe.data is not None:
        return []
    pools = [pool for pool in (inputs.query, inputs.key) if pool is not None]
    sources = [path for pool in pools for catalog in pool.catalogs for path in catalog.settings["source"]]
    folder = labels_at_hand(sources)
    return [] if folder is None else [f"there are labels: probe.data={folder} would show whether features get better"]


def _is_labeled(folder: Path) -> bool:
    data = DataSettings(folder=str(folder))
    try:
        return any(reader.recognizes(data, folder) for reader in READERS.values())
    except Exception:  # whatever lies there, it must not stop a run that does not ask for labels
        return False
