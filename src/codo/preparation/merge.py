"""From finished chunks to the catalog: shards, ``rejected.csv``, and ``catalog.parquet`` last."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from codo import __version__
from codo.catalog.bit_depth import summarize
from codo.catalog.schema import FALLBACK_STAGE, FILE, FORMAT, REJECTED, SCHEMA, TILED_FORMAT, schema_of
from codo.catalog.table import bytes_of
from codo.core.errors import CodoError
from codo.core.io import explain_full_disk, open_atomically
from codo.preparation.manifest import Manifest, Report, discard, working_directory
from codo.preparation.pack import END_OF_TAR

ROWS = 16384
"""Rows of a Parquet row group, which one thread reads at a time; small, so that reading one takes little memory."""

MB = 1_000_000


def merge(manifest: Manifest, *, bar: bool) -> None:
    """Make the catalog of a preparation whose chunks are all finished, and remove its working directory.

    It can be interrupted at any moment and run again: shards that exist are complete, and the Parquet file is written
    last.

    Args:
        manifest: The preparation.
        bar: Show a progress bar where there is a terminal.

    Raises:
        CodoError: Too many images were rejected, none is left, a part is damaged, or the disk is full.
    """
    out = manifest.out
    reports = [report for index in range(len(manifest)) if (report := manifest.report(index)) is not None]
    if len(reports) < len(manifest):
        raise CodoError(
            "a finished part is damaged", where=str(out), fix="run the same command again: it makes the part again"
        )
    with explain_full_disk(out):
        check_rejections(manifest, reports)
        write_rejected(out, reports)
        places = _write_shards(manifest, reports, bar=bar) if manifest.settings.pack else {}
        _write_parquet(manifest, reports, places)
    discard(out)


def check_rejections(manifest: Manifest, reports: Sequence[Report], *, total: int | None = None) -> None:
    """Stop when more images were rejected than allowed, or none is left.

    Args:
        manifest: The preparation.
        reports: Of the chunks that are finished.
        total: Number of images the share is of; by default those of the reports.

    Raises:
        CodoError: With the most frequent reason; ``rejected.csv`` is written; the next run reads these files again.
    """
    rejected = [reason for report in reports for _, reason in report.rejected]
    images = sum(report.kept for report in reports)
    total = total or images + len(rejected)
    out = manifest.out
    if rejected and len(rejected) > manifest.settings.max_rejected * total:
        write_rejected(out, reports)
        manifest.forget_rejected()
        kind, count = Counter(reason.partition(":")[0] for reason in rejected).most_common(1)[0]
        large = "cut large images with tiles=1024, " if kind == "too large" and manifest.settings.tiles is None else ""
        raise CodoError(
            f"{len(rejected):,} of {total:,} images rejected ({len(rejected) / total:.1%}), {count:,} as '{kind}'; "
            f"{manifest.settings.max_rejected:.0%} are allowed",
            where=str(out / REJECTED),
            fix=f"{large}repair the files, or raise max_rejected, and run the same command again",
        )
    if total == len(rejected) and not images:
        write_rejected(out, reports)
        raise CodoError("no image is left", where=str(out / REJECTED), fix="give a source with images that can be read")


def write_rejected(out: Path, reports: Sequence[Report]) -> None:
    """Write the rejected images with their reasons, in the order of the source."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["key", "reason"])
    for report in sorted(reports):
        writer.writerows(report.rejected)
    with open_atomically(out / REJECTED, work=working_directory(out)) as file:
        file.write(text.getvalue().encode("utf-8"))


def _write_shards(manifest: Manifest, reports: Sequence[Report], *, bar: bool) -> dict[int, tuple[str, int]]:
    """Concatenate the parts' tars, in order, to shards of about ``shard_mb``.

    A part's tar is removed as soon as the shard with it is complete, so that at most one shard is on disk twice.

    Returns:
        For every chunk, the name of its shard and its offset there.
    """
    out = manifest.out
    sizes = [report.packed for report in reports]
    places: dict[int, tuple[str, int]] = {}
    shards = group(sizes, manifest.settings.shard_mb * MB)
    for number, chunks in enumerate(tqdm(shards, desc="shards", disable=None if bar else True)):
        name, begin = f"shard-{number:05d}.tar", 0
        for index in chunks:
            places[index] = (name, begin)
            begin += sizes[index]
        if not (out / name).exists():
            with open_atomically(out / name, work=manifest.folder) as shard:
                for index in chunks:
                    with manifest.tar(index).open("rb") as part:
                        shutil.copyfileobj(part, shard, 1 << 22)
                shard.write(END_OF_TAR)
        for index in chunks:
            manifest.tar(index).unlink(missing_ok=True)
    return places


def group(sizes: Sequence[int], most: int) -> list[list[int]]:
    """Groups of consecutive indices whose sizes sum to at most ``most``; a larger one is a group of its own."""
    groups: list[list[int]] = []
    free = 0
    for index, size in enumerate(sizes):
        if not groups or size > free:
            groups.append([])
            free = most
        groups[-1].append(index)
        free -= size
    return groups


def _write_parquet(manifest: Manifest, reports: Sequence[Report], places: dict[int, tuple[str, int]]) -> None:
    schema = schema_of(manifest.settings.tiles).with_metadata({"codo": json.dumps(_info(manifest, reports))})
    with (
        open_atomically(manifest.out / FILE, work=manifest.folder) as file,
        # Neither dictionaries nor compression for boxes: both would slow the opening.
        pq.ParquetWriter(
            file, schema, compression={"key": "zstd", "uri": "zstd"}, use_dictionary=DICTIONARIES
        ) as writer,
    ):
        for table in _in_groups(_rows(manifest, places)):
            writer.write_table(table.cast(schema), row_group_size=ROWS)


DICTIONARIES = ["uri", "compression", "orientation", "width", "height", FALLBACK_STAGE]


def _rows(manifest: Manifest, places: dict[int, tuple[str, int]]) -> Iterator[pa.Table]:
    """The rows of each part, in order; packed ones get their shard and their offset in it."""
    for index in range(len(manifest)):
        table = manifest.read_part(index).replace_schema_metadata(None)
        if index in places:
            name, begin = places[index]
            uri = pa.array([name] * table.num_rows, pa.large_string())
            offset = pa.array(table.column("offset").to_numpy() + begin)
            table = table.set_column(1, SCHEMA.field("uri"), uri).set_column(2, SCHEMA.field("offset"), offset)
        yield table


def _in_groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of `ROWS` rows: the file must not depend on how the work was cut."""
    kept: list[pa.Table] = []
    count = 0
    for table in tables:
        kept.append(table)
        count += table.num_rows
        while count >= ROWS:
            joined = pa.concat_tables(kept).unify_dictionaries()
            yield joined.slice(0, ROWS)
            kept, count = [joined.slice(ROWS)], count - ROWS
    if count:
        yield pa.concat_tables(kept).unify_dictionaries()


def _info(manifest: Manifest, reports: Sequence[Report]) -> dict[str, Any]:
    """The catalog's metadata; see catalog/schema.py."""
    ignored = Counter(manifest.listed["ignored"])
    ignored["no extension"] = sum(report.ignored for report in reports)
    fallbacks: Counter[str] = Counter()
    for report in reports:
        fallbacks.update(report.fallbacks)
    bands: Counter[str] = Counter()
    for report in reports:
        bands.update(report.bands or {})
    depths = summarize(report.depths for report in reports if report.depths is not None)
    return {
        "format": FORMAT if manifest.settings.tiles is None else TILED_FORMAT,
        "codo": __version__,
        "source": manifest.source,
        "settings": manifest.settings.model_dump(mode="json"),
        "selected": manifest.listed["selected"],
        "counts": {
            "images": sum(report.images for report in reports),
            **({} if manifest.settings.tiles is None else _counts_of_tiled(reports)),
            "rejected": sum(len(report.rejected) for report in reports),
            "ignored": dict(sorted((+ignored).items())),
            "repeated": manifest.listed["repeated"],
            "duplicates": _duplicates(manifest),
            "proposals": sum(report.proposals for report in reports),
        },
        "fallbacks": dict(sorted(fallbacks.items())),
        **({} if depths is None else {"depths": depths}),
        **({"bands": dict(sorted(bands.items()))} if bands else {}),
    }


def _counts_of_tiled(reports: Sequence[Report]) -> dict[str, int]:
    kept, whole = sum(report.kept for report in reports), sum(report.whole for report in reports)
    return {"pictures": kept, "decoded_whole": whole}


def _duplicates(manifest: Manifest) -> int:
    """Number of images whose file equals an earlier one byte for byte."""
    tables = [manifest.read_part(index) for index in range(len(manifest))]
    if manifest.settings.tiles is not None:  # one row of each picture
        tables = [table.filter(pc.and_(pc.less(table["x"], 1), pc.less(table["y"], 1))) for table in tables]
    parts = [bytes_of(table.column("hash").combine_chunks()) for table in tables]
    high, low = np.concatenate(parts).view("<u8").T
    order = np.lexsort((low, high))
    high, low = high[order], low[order]
    return int(np.count_nonzero((high[1:] == high[:-1]) & (low[1:] == low[:-1])))
