"""Catalogs made for tests, and what lies in them."""

from __future__ import annotations

import csv
import re
import tarfile
from pathlib import Path
from typing import Any

from codo.catalog.catalog import Catalog
from codo.preparation.prepare import prepare


def quick(source: object, out: Path, **options: Any) -> Catalog:
    """`prepare` in this process and, unless asked for, without proposals."""
    return prepare(source, out, **({"propose": False, "jobs": 1, "progress": False} | options))


def rejected(out: Path) -> dict[str, str]:
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        return {row["key"]: row["reason"] for row in csv.DictReader(file)}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def webdataset(shard: Path) -> dict[str, dict[str, bytes]]:
    """Samples by WebDataset's rule: a file name up to its first dot is the key, what follows is the field."""
    samples: dict[str, dict[str, bytes]] = {}
    with tarfile.open(shard) as tar:
        for info in tar:
            found = re.match(r"^((?:.*/|)[^.]+)[.]([^/]*)$", info.name)
            assert found, info.name
            data = tar.extractfile(info)
            assert data
            fields = samples.setdefault(found[1], {})
            assert found[2] not in fields, info.name
            fields[found[2]] = data.read()
    return samples
