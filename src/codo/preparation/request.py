"""A request to prepare: source, directory and settings, checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codo.catalog.catalog import is_catalog, open_catalog
from codo.catalog.schema import UNFINISHED
from codo.core.config import refuse_other_settings, resolve
from codo.core.errors import InputError
from codo.core.paths import absolute, is_url
from codo.preparation.manifest import has_manifest, read_manifest
from codo.preparation.prepare_settings import PrepareSettings
from codo.sources.listing import Listing
from codo.sources.selection import list_path
from codo.sources.source import list_sources

Source = str | Path | Sequence[str | Path]

NEUTRAL = ("max_rejected",)
"""Settings that decide whether there is a catalog, not what is in it."""


@dataclass(frozen=True)
class Request:
    """A source, the directory of its catalog, and the settings.

    Attributes:
        source: Absolute paths, URLs or patterns.
        out: The catalog's directory.
        settings: What the catalog shall hold.
    """

    source: list[str]
    out: Path
    settings: PrepareSettings

    @classmethod
    def of(cls, source: Source, out: str | Path, settings: dict[str, Any]) -> Request:
        """A request from what a user gave, checked.

        Args:
            source: One source or several.
            out: The catalog's directory.
            settings: Those of `PrepareSettings`, nested or with dots.

        Raises:
            InputError: There is no source, ``out`` is a URL, or a setting is wrong.
        """
        sources = [source] if isinstance(source, str | Path) else list(source)
        if not sources or not all(str(path) for path in sources):
            raise InputError("no source is given", where="source", fix="name a folder, archive or list of images")
        if is_url(str(out)):
            raise InputError(
                "a catalog cannot be written to a URL",
                where=str(out),
                fix="write it to a disk, then copy the directory",
            )
        checked = resolve(PrepareSettings, None, settings)
        if checked.select and (path := list_path(checked.select)):
            checked = checked.model_copy(update={"select": path})
        return cls([absolute(path) for path in sources], Path(absolute(out)), checked)

    def listing(self) -> Listing:
        """The images of the source.

        Raises:
            InputError: It is missing, damaged or holds none.
        """
        return list_sources(self.source, self.settings.select, self.settings.image_column)

    def as_dict(self) -> dict[str, Any]:
        """Source and settings as the catalog records them."""
        return {"source": self.source, **self.settings.model_dump(mode="json")}


def check_out(request: Request) -> None:
    """Refuse a directory that holds something else.

    Raises:
        InputError: It is a file, holds other files, or a catalog of another source or with other settings.
    """
    out = request.out
    if out.exists() and not out.is_dir():
        raise InputError("out is a file", where=str(out), fix="name a new directory")
    if is_catalog(out):
        recorded = open_catalog(out, proposals=False).settings
    elif has_manifest(out):
        manifest = read_manifest(out)
        recorded = {"source": manifest.source, **manifest.settings.model_dump(mode="json")}
    elif out.exists() and any(entry.name != UNFINISHED for entry in out.iterdir()):
        raise InputError("out is not empty and holds no catalog", where=str(out), fix="name an empty or new directory")
    else:
        return
    refuse_other_settings(
        recorded,
        request.as_dict(),
        NEUTRAL,
        what="out holds a catalog",
        where=str(out),
        fix="name another directory, or give the settings of that catalog",
    )
