"""Tables: Parquet and Arrow files of drawn images, as others and as `codo prepare` write them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.fuzzing.archives import NAMES, small_images
from benchmarks.fuzzing.formats import ACCEPTED, Given, Mutant, Outcome
from benchmarks.fuzzing.mutations import mutate, write_number


def _table(names: Sequence[str | None], structs: bool) -> Any:
    import pyarrow as pa

    files = [small_images()[row % 3] if row % 5 != 4 else None for row in range(len(names))]
    labels = pa.array(range(len(files)))
    if not structs:
        return pa.table({"image": pa.array(files, pa.binary()), "label": labels})
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [{"bytes": data, "path": name} for data, name in zip(files, names, strict=True)]
    return pa.table({"image": pa.array(rows, kind), "label": labels})


_ORDINARY = ("a.jpg", "b.png", "c.webp", None)


def parquet_seeds(folder: Path) -> None:
    import pyarrow.parquet as pq

    for number, codec in enumerate(("none", "snappy", "gzip", "zstd", "lz4", "brotli")):
        options: dict[str, Any] = {"compression": codec, "data_page_version": ("1.0", "2.0")[number % 2]}
        options |= {"use_dictionary": number % 3 == 0, "row_group_size": (2, 100)[number % 2]}
        pq.write_table(_table(_ORDINARY, number % 2 == 0), folder / f"{number}.parquet", **options)
    pq.write_table(_table([f"{name}.jpg" for name in NAMES[:15]], True), folder / "names.parquet")


def arrow_seeds(folder: Path) -> None:
    import pyarrow as pa

    for number, structs in enumerate((True, False)):
        table = _table(_ORDINARY, structs)
        with pa.ipc.new_stream(str(folder / f"{number}-stream.arrow"), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        with pa.ipc.new_file(str(folder / f"{number}-file.arrow"), table.schema) as writer:
            writer.write_table(table)


def table(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    """Bytes changed anywhere, or numbers in the metadata at both ends and between the images."""
    data = rng.choice(seeds)
    if rng.random() < 0.5:
        return Mutant(mutate(rng, data, seeds))
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        end = min(len(data) - 1, rng.choice((200, 1200)))
        at = rng.choice((rng.randrange(end), len(data) - 1 - rng.randrange(end)))
        if rng.random() < 0.5:
            write_number(rng, changed, at)
        else:
            changed[at] = rng.randrange(256)
    return Mutant(bytes(changed))


def catalog_seeds(folder: Path) -> None:
    from codo.preparation.prepare import prepare

    images = folder / "images"
    images.mkdir()
    for number, data in enumerate(small_images()):
        (images / f"{number}.jpg").write_bytes(data)
    for name, how in (("plain", {}), ("bare", {"propose": False}), ("tiled", {"tiles": 64})):
        prepare(images, folder / name, jobs=1, progress=False, min_side=1, **how)
        shutil.copyfile(folder / name / "catalog.parquet", folder / f"{name}.parquet")


def read_catalog(one: Given, folder: Path) -> Outcome:
    """Open one as the table of a catalog, and read its images and proposals as training does."""
    from codo.catalog.catalog import open_catalog

    folder.mkdir()
    shutil.copyfile(one.path, folder / "catalog.parquet")
    catalog = open_catalog(folder)
    catalog.summary()
    for row in range(min(len(catalog), 10)):
        catalog.picture(row)
        if catalog.has_proposals:
            catalog.scaled_proposals(row, 100, 100)
        catalog.image(row)
    return Outcome(ACCEPTED)
