"""Sources written for tests, their listings, and the bytes behind them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

from codo.catalog.reading import Reader
from codo.sources.listing import Listing
from codo.sources.source import list_sources


def listed(*sources: object, select: str | None = None) -> Listing:
    return list_sources([str(source) for source in sources], select)


def keys(listing: Listing) -> list[str]:
    return [member.key for member in listing.members]


def read(listing: Listing) -> dict[str, bytes]:
    """The bytes of all members that have no problem."""
    reader = Reader()
    return {member.key: reader.read(member.location) for member in listing.members if not member.problem}


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def write_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def coco(names: list[str]) -> bytes:
    images = [{"id": n, "file_name": name, "width": 60, "height": 48} for n, name in enumerate(names)]
    return json.dumps({"images": images, "annotations": [], "categories": []}).encode()
