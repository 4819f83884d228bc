"""The working directory of a preparation: its listing, cut into chunks, and the chunks that are finished.

::

    OUT/.work/
      plan.json            source, settings, chunk size, fingerprint of the listing
      listing.arrow        one row per member: key, uri, offset, size, deflated, problem, name (in a packed shard)
      part-000000.arrow    catalog rows of chunk 0; its metadata has the rejections
      part-000000.tar      its packed images, without end-of-archive blocks
      *.lock               locks of running processes

A part is written under a temporary name and renamed when it is complete, after its tar. A preparation that is killed
continues with the chunks that have no part. Chunks depend on the listing alone, never on the number of processes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, repeat
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa

from codo.catalog.bit_depth import Depths
from codo.catalog.schema import FILE, FORMAT, UNFINISHED
from codo.core.errors import CodoError
from codo.core.io import explain_full_disk, open_atomically
from codo.preparation.pack import shard_names
from codo.preparation.prepare_settings import PrepareSettings
from codo.sources.listing import Listing

MOST_CHUNKS, SMALLEST_CHUNK, LARGEST_CHUNK = 64, 8, 512
SMALLEST_TILED, LARGEST_TILED = 1, 8
"""Small sources have small chunks, so that many processes share them; no chunk is larger than 512 images, so that a
lost one costs minutes at most. Pictures that are cut into tiles are large, and shared one by one."""


ROWS_AT_ONCE = 20_000


class Item(NamedTuple):
    """A row of the listing: an image to process."""

    key: str
    uri: str
    offset: int
    size: int
    deflated: bool
    problem: str
    name: str


class Report(NamedTuple):
    """The outcome of a chunk.

    Attributes:
        chunk: Its number.
        images: Images that are in the catalog; tiles count each.
        rejected: ``(key, reason)`` of those that are not.
        ignored: Number of files without an extension that are no images.
        proposals: Number of proposals of all images.
        fallbacks: Number of images by fallback stage.
        packed: Bytes of the packed images' tar.
        depths: `Depths` of the images of more than 8 bits, if there are any.
        bands: Number of images by their number of bands, if that is more than three.
        pictures: Number of pictures that the images are from, where they may be tiles.
        whole: Number of those that were decoded as a whole and cut.
    """

    chunk: int
    images: int
    rejected: list[tuple[str, str]]
    ignored: int
    proposals: int
    fallbacks: dict[str, int]
    packed: int
    depths: Depths | None = None
    bands: dict[str, int] | None = None
    pictures: int | None = None
    whole: int = 0

    @property
    def kept(self) -> int:
        """Members of the source that are in the catalog."""
        return self.images if self.pictures is None else self.pictures

    @property
    def members(self) -> int:
        """Members of the source that were looked at."""
        return self.kept + len(self.rejected) + self.ignored


@dataclass(frozen=True)
class Manifest:
    """A preparation that was started.

    Attributes:
        folder: The working directory.
        source: Absolute paths, URLs or patterns.
        settings: What the catalog shall hold.
        fingerprint: Of the listing; parts with another fingerprint are ignored.
        chunk_size: Members in a chunk.
        listing: The members.
        listed: ``ignored``, ``repeated`` and ``selected`` of the listing.
    """

    folder: Path
    source: list[str]
    settings: PrepareSettings
    fingerprint: str
    chunk_size: int
    listing: pa.Table
    listed: dict[str, Any]

    def __len__(self) -> int:
        """Number of chunks."""
        return -(-int(self.listing.num_rows) // self.chunk_size)

    @property
    def key(self) -> str:
        """Names the preparation to its workers: a digest of everything that decides what a chunk becomes."""
        settings = self.settings.model_dump(mode="json", exclude={"max_rejected"})
        content = json.dumps([settings, self.fingerprint, self.chunk_size])
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()

    @property
    def _tag(self) -> str:
        """Written into every part: rows of another listing or of another format do not count."""
        return f"{FORMAT} {self.fingerprint}"

    def items(self, index: int) -> list[Item]:
        """The members of a chunk."""
        rows = self.listing.slice(index * self.chunk_size, self.chunk_size)
        return [Item(*row) for row in zip(*(rows.column(name).to_pylist() for name in Item._fields), strict=True)]

    def count(self, index: int) -> int:
        """Number of members of a chunk."""
        return min(self.chunk_size, int(self.listing.num_rows) - index * self.chunk_size)

    @property
    def out(self) -> Path:
        """The catalog's directory."""
        return self.folder.parent

    def part(self, index: int) -> Path:
        """Where the rows of a chunk are written."""
        return self.folder / f"part-{index:06d}.arrow"

    def tar(self, index: int) -> Path:
        """Where the packed images of a chunk are written."""
        return self.folder / f"part-{index:06d}.tar"

    def write_part(self, report: Report, table: pa.Table) -> None:
        """Finish a chunk: its rows and its report, in one file."""
        info = {"plan": self._tag, **report._asdict()}
        with open_atomically(self.part(report.chunk), tidy=False) as file:
            table = table.replace_schema_metadata({"codo": json.dumps(info)})
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)

    def read_part(self, index: int) -> pa.Table:
        """The rows of a finished chunk."""
        with pa.OSFile(str(self.part(index))) as file:
            return pa.ipc.open_file(file).read_all()

    def report(self, index: int) -> Report | None:
        """The report of a chunk; ``None`` when it is not finished."""
        try:
            with pa.OSFile(str(self.part(index))) as file:
                info = json.loads(pa.ipc.open_file(file).schema.metadata[b"codo"])
        except (OSError, pa.ArrowInvalid, KeyError, TypeError):
            return None
        if info.pop("plan") != self._tag:
            return None
        info["rejected"] = [(key, reason) for key, reason in info["rejected"]]
        info["depths"] = Depths(*depths) if (depths := info.get("depths")) else None
        return Report(**info)

    def forget_rejected(self) -> None:
        """Remove the parts with rejections, so that the next run reads their files again."""
        for index in range(len(self)):
            report = self.report(index)
            if report is not None and report.rejected:
                self.part(index).unlink()


def working_directory(out: Path) -> Path:
    """The folder in which ``out`` is prepared."""
    return out / UNFINISHED


def has_manifest(out: Path) -> bool:
    """Whether a preparation of ``out`` was started and has not finished."""
    return (working_directory(out) / "plan.json").is_file() and not (out / FILE).is_file()


def make_manifest(out: Path, source: Sequence[str], settings: PrepareSettings, listing: Listing) -> Manifest:
    """Write the manifest of a preparation; parts of an earlier listing are removed.

    Raises:
        CodoError: The disk is full.
    """
    folder = working_directory(out)
    count = len(listing.members)
    smallest, largest = (SMALLEST_CHUNK, LARGEST_CHUNK) if settings.tiles is None else (SMALLEST_TILED, LARGEST_TILED)
    info = {
        "source": list(source),
        "settings": settings.model_dump(mode="json"),
        "fingerprint": listing.fingerprint(),
        "chunk": min(max(-(-count // MOST_CHUNKS), smallest), largest),
        "listed": {"ignored": listing.ignored, "repeated": listing.repeated, "selected": listing.selected},
    }
    with explain_full_disk(out):
        folder.mkdir(parents=True, exist_ok=True)
        with open_atomically(folder / "listing.arrow") as file:
            write_listing(file, listing, named=settings.pack is not None)
        with open_atomically(folder / "plan.json") as file:
            file.write(json.dumps(info, indent=2).encode())
    return read_manifest(out)


def read_manifest(out: Path) -> Manifest:
    """The manifest of a preparation that was started."""
    path = working_directory(out)
    info = json.loads((path / "plan.json").read_text(encoding="utf-8"))
    with pa.memory_map(str(path / "listing.arrow")) as file:
        listing = pa.ipc.open_file(file).read_all()
    settings = PrepareSettings.model_validate(info.pop("settings"))
    return Manifest(folder=path, listing=listing, settings=settings, chunk_size=info.pop("chunk"), **info)


@lru_cache(maxsize=1)
def cached_manifest(out: str, key: str) -> Manifest:
    """The manifest for workers, cached: they need it for every chunk, and a forked worker has it already.

    Args:
        out: The catalog's directory.
        key: Of the wanted manifest; a long-lived worker may have cached an earlier one of the same directory.
    """
    manifest = read_manifest(Path(out))
    if manifest.key != key:
        raise CodoError(
            "another process has started a new preparation of this catalog",
            where=out,
            fix="let only one codo prepare work on it",
        )
    return manifest


def discard(out: Path) -> None:
    """Remove the working directory."""
    shutil.rmtree(working_directory(out), ignore_errors=True)


_TEXT, _NUMBER = pa.large_string(), pa.int64()
_COLUMNS = pa.schema(zip(Item._fields, (_TEXT, _TEXT, _NUMBER, _NUMBER, pa.bool_(), _TEXT, _TEXT), strict=True))


def write_listing(file: IO[bytes], listing: Listing, *, named: bool) -> None:
    """Write the rows of a listing, some at a time; with ``named`` they have their names in packed shards."""
    names = shard_names(member.key for member in listing.members) if named else repeat("")
    rows = (
        (member.key, *member.location, member.problem, name)
        for member, name in zip(listing.members, names, strict=False)
    )
    with pa.ipc.new_file(file, _COLUMNS) as writer:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            arrays = (
                pa.array(values, kind) for values, kind in zip(zip(*some, strict=True), _COLUMNS.types, strict=True)
            )
            writer.write_batch(pa.record_batch(list(arrays), schema=_COLUMNS))
