"""What a catalog holds, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.catalog import heif
from codo.catalog.bit_depth import depth_warning
from codo.catalog.pages import slow_pages_warning
from codo.catalog.schema import REJECTED
from codo.core.paths import join

if TYPE_CHECKING:
    from codo.catalog.catalog import Catalog


def line(catalog: Catalog) -> str:
    """One line about the contents of a catalog."""
    counts = catalog.counts
    tiles = f"{counts['images']:,} tiles of {counts['pictures']:,} images" if "pictures" in counts else ""
    parts = [tiles or f"{counts['images']:,} images"]
    if catalog.settings["propose"]:
        others = [f"{n:,} {stage}" for stage, n in catalog.fallbacks.items() if stage != "filtered"]
        note = f" (fallbacks: {', '.join(others)})" if others else ""
        parts.append(f"{counts['proposals'] / counts['images']:.1f} proposals an image{note}")
    if counts["rejected"]:
        parts.append(f"{counts['rejected']:,} rejected (why: {join(catalog.path, REJECTED)})")
    parts += [f"{counts[name]:,} {name}" for name in ("duplicates", "repeated") if counts[name]]
    if counts["ignored"]:
        kinds = ", ".join(f"{n:,} {ending}" for ending, n in counts["ignored"].items())
        parts.append(f"ignored {kinds}")
    parts += [catalog.band_note()] if catalog.band_note() else []
    return "; ".join(parts)


def warnings(catalog: Catalog) -> list[str]:
    """What may be lost, or slow, in the images of a catalog."""
    found = [depth_warning(catalog.depths, "value_range"), heif.left_out_warning(catalog.counts["ignored"])]
    if not catalog.packed and (whole := catalog.counts.get("decoded_whole")):
        found.append(f"{whole:,} images are decoded whole for each tile that is read; pack=SIDE stores tiles")
    some = range(0, len(catalog), max(len(catalog) // 100, 1))
    found.append(slow_pages_warning([catalog.location(i).uri for i in some]))
    return [warning for warning in found if warning]
