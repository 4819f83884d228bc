"""Images: small ones of every kind, drawn here, and `codo prepare` of folders with hundreds of mutants."""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.fuzzing.formats import ACCEPTED, FAILURE, REJECTED, Given, Outcome

SIDE = 48


def pixels(channels: int = 3, kind: type[np.generic] = np.uint8) -> npt.NDArray[Any]:
    """A gradient with some texture, ``(48, 40, channels)``; two axes for one channel."""
    y, x, c = np.mgrid[:SIDE, : SIDE - 8, :channels]
    most = 1 if np.issubdtype(kind, np.floating) else int(np.iinfo(kind).max)
    values = ((x * 5 + y * 3 + c * 40 + (x * y) % 17) % 256) / 255 * most
    return np.squeeze(values.astype(kind), 2) if channels == 1 else values.astype(kind)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """An image as a file of a format of Pillow's."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _write(folder: Path, files: Sequence[bytes], suffix: str) -> None:
    for number, data in enumerate(files):
        (folder / f"{number:02d}{suffix}").write_bytes(data)


def turned() -> Image.Exif:
    """EXIF data with an orientation and a few other tags."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a drawn image"
    exif.get_ifd(0x8769)[0x9286] = b"comment"
    return exif


def jpeg_seeds(folder: Path) -> None:
    color, gray = Image.fromarray(pixels()), Image.fromarray(pixels(1))
    files = [
        encoded(color, "JPEG"),
        encoded(color, "JPEG", progressive=True, exif=turned(), comment=b"drawn"),
        encoded(color, "JPEG", subsampling=0, restart_marker_blocks=2, icc_profile=b"icc" * 50),
        encoded(gray, "JPEG", optimize=True),
        encoded(color.convert("CMYK"), "JPEG"),
    ]
    _write(folder, files, ".jpg")


def png_seeds(folder: Path) -> None:
    color = Image.fromarray(pixels())
    palette = color.quantize(16)
    palette.info["transparency"] = 3
    files = [
        encoded(color, "PNG"),
        encoded(Image.fromarray(pixels(4)), "PNG", exif=turned()),
        encoded(palette, "PNG"),
        encoded(Image.fromarray(pixels(1, np.uint16)), "PNG"),
        encoded(color.convert("1"), "PNG"),
        encoded(color, "PNG", save_all=True, append_images=[color.rotate(90)], duration=10),
    ]
    _write(folder, files, ".png")


def tiff_seeds(folder: Path) -> None:
    import tifffile

    def with_tifffile(array: npt.NDArray[Any], **options: Any) -> bytes:
        file = io.BytesIO()
        tifffile.imwrite(file, array, **options)
        return file.getvalue()

    color = Image.fromarray(pixels())
    files = [
        encoded(color, "TIFF"),
        *(encoded(color, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        encoded(color.convert("1"), "TIFF", compression="group4"),
        encoded(color, "TIFF", exif=turned(), save_all=True, append_images=[color]),
        with_tifffile(pixels(3, np.uint16), photometric="rgb"),
        with_tifffile(pixels(1, np.float32), compression="zlib"),
        with_tifffile(pixels(6), photometric="minisblack", planarconfig="contig", tile=(16, 16)),
        with_tifffile(np.moveaxis(pixels(5, np.uint16), 2, 0), photometric="minisblack", planarconfig="separate"),
        with_tifffile(pixels(), photometric="rgb", tile=(32, 32), compression="zlib", bigtiff=True),
    ]
    _write(folder, files, ".tif")


def webp_seeds(folder: Path) -> None:
    color = Image.fromarray(pixels())
    files = [
        encoded(color, "WEBP"),
        encoded(color, "WEBP", lossless=True),
        encoded(Image.fromarray(pixels(4)), "WEBP", exif=turned()),
        encoded(color, "WEBP", save_all=True, append_images=[color.rotate(90)], duration=10),
    ]
    _write(folder, files, ".webp")


def avif_seeds(folder: Path) -> None:
    color = Image.fromarray(pixels())
    files = [
        encoded(color, "AVIF", speed=10),
        encoded(Image.fromarray(pixels(4)), "AVIF", speed=10, exif=turned()),
        encoded(color, "AVIF", speed=10, save_all=True, append_images=[color.rotate(90)], duration=10),
        encoded(color, "AVIF", speed=10, subsampling="4:4:4", quality=100),
    ]
    _write(folder, files, ".avif")


HOW: tuple[dict[str, Any], ...] = (
    {},
    {"pack": 32},
    {"tiles": 64, "max_megapixels": 40},
    {"value_range": [0, 255]},
    {},
)
"""Settings that take other ways through the decoders; a batch gets those of its first mutant's checksum."""


TILES = 2
"""Tiles of a picture that are read back."""


def read_all(mutants: Sequence[Given], folder: Path) -> list[Outcome]:
    """Prepare all as one folder, then read each image back from the catalog, as training does."""
    how = HOW[len(mutants[0].path.read_bytes()) % len(HOW)]
    source = folder / "source"
    source.mkdir(parents=True)
    for one in mutants:
        shutil.copyfile(one.path, source / one.path.name)
    return prepared(source, folder / "catalog", [one.path.name for one in mutants], how)


def prepared(source: Path, out: Path, names: Sequence[str], how: dict[str, Any]) -> list[Outcome]:
    """The outcome of each file of a folder; lost ones are failures.

    Args:
        source: The folder.
        out: Where the catalog goes.
        names: The keys of the files.
        how: Settings of the preparation.
    """
    from codo.core.errors import CodoError
    from codo.preparation.prepare import prepare

    try:
        catalog = prepare(source, out, propose=False, jobs=1, progress=False, max_rejected=1, min_side=1, **how)
    except CodoError as error:
        if error.what != "no image is left":
            raise
        catalog = None
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        rejected = {row["key"]: row["reason"] for row in csv.DictReader(file)}
    outcomes = {key: Outcome(REJECTED, reason) for key, reason in rejected.items()}
    outcomes |= {key: Outcome(FAILURE, reason) for key, reason in rejected.items() if ":" not in reason}
    tiles: Counter[str] = Counter()
    for row in range(len(catalog) if catalog else 0):
        assert catalog is not None
        key = catalog.picture(row)
        if key in rejected:
            outcomes[key] = Outcome(FAILURE, "both in the catalog and rejected")
            continue
        tiles[key] += 1
        if tiles[key] > TILES:  # of a picture that is decoded as a whole for each
            continue
        try:
            height, width = catalog.image(row).shape[:2]
        except CodoError as error:
            outcomes[key] = Outcome(FAILURE, f"in the catalog, but not read: {error.what}"[:200])
            continue
        outcomes[key] = Outcome(ACCEPTED)
        if "pack" not in how and (width, height) != catalog.size(row):
            outcomes[key] = Outcome(FAILURE, f"{width} x {height}, in the catalog {catalog.size(row)}")
    return [outcomes.get(name, Outcome(FAILURE, "lost: neither in the catalog nor rejected")) for name in names]
