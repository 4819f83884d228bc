"""Pictures that the tests of this room make: smooth, each different, in every format and state of repair."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

ORIENTATION = 0x0112


def picture(number: int, width: int = 60, height: int = 48) -> npt.NDArray[np.uint8]:
    """A smooth colored picture, uint8 ``(height, width, 3)``."""
    coarse = np.random.default_rng(number).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def encode(image: npt.NDArray[np.generic] | Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def jpeg(number: int, width: int = 60, height: int = 48, orientation: int | None = None) -> bytes:
    """A JPEG, with an EXIF orientation if asked for."""
    if orientation is None:
        return encode(picture(number, width, height), quality=92)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(picture(number, width, height), quality=92, exif=exif)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels: decoding it could only fail as truncated."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(b"")
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (chunk, pixels, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    """A folder tree with these files."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def jpegs(count: int, prefix: str = "", **size: int) -> dict[str, bytes]:
    """``count`` different JPEGs by name."""
    return {f"{prefix}{number:03d}.jpg": jpeg(number, **size) for number in range(count)}
