"""What an earlier version recorded is understood by this one: `tests/earlier` has it as text.

Written by ``python -m benchmarks.upgrades ec4da5f --texts tests/earlier``, which also opens the files themselves. Where
a test fails, a change has made runs, catalogs or comparisons of that version unreadable: keep reading them, or say in
three lines what to do, and change the test to that.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from benchmarks.upgrades import commands
from torch import nn

from codo.catalog.catalog import open_catalog
from codo.catalog.schema import FILE, schema_of
from codo.comparison.compare_settings import CompareSettings
from codo.comparison.result_files import read_initializations
from codo.core.config import Settings, differences, parse_assignments, read_yaml, resolve
from codo.core.renamed import upgrade
from codo.core.run import NEUTRAL
from codo.detection.detector_io import DetectorCard
from codo.detection.finetune_settings import FinetuneSettings
from codo.methods.registry import build_method
from codo.training.pretrain_settings import PretrainSettings, method_setup

EARLIER = Path(__file__).parent / "earlier"
PLACE = Path("/place")


def recorded(name: str) -> dict[str, Any]:
    """The settings in a file, as this version reads them."""
    return upgrade(read_yaml(EARLIER / name))


@pytest.mark.parametrize(
    ("verb", "file", "kind", "found"),  # the last ones are found in data and weights, which are not here
    [
        ("pretraining", "run-config.yaml", PretrainSettings, ("model.mean", "model.std")),
        ("finetuning", "detector-config.yaml", FinetuneSettings, ("model", "data")),
        ("comparison", "answer-compare.yaml", CompareSettings, ("model",)),
    ],
)
def test_the_same_command_still_means_the_recorded_settings(
    verb: str, file: str, kind: type[Settings], found: tuple[str, ...]
) -> None:
    _, *words = commands(PLACE)[verb]
    recipe, words = (words[1], words[2:]) if words[0] == "-c" else (None, words)
    now = resolve(kind, recipe, parse_assignments(words)).model_dump(mode="json")
    assert differences(recorded(file), json.loads(json.dumps(now)), (*NEUTRAL, *found)) == []


def tensors(module: nn.Module) -> list[str]:
    return [f"{key} {tuple(value.shape)} {value.dtype}" for key, value in module.state_dict().items()]


def test_a_checkpoint_of_pretraining_fits_the_method() -> None:
    settings = PretrainSettings.model_validate(recorded("run-config.yaml"))
    keys, *saved = (EARLIER / "run-checkpoint.txt").read_text().splitlines()
    assert set(keys.split()) >= {"config", "format", "method", "optimizer", "step"}
    assert sorted(tensors(build_method(settings.method, method_setup(settings)))) == sorted(saved)


def test_a_checkpoint_and_a_file_of_a_detector_fit_it() -> None:
    card = DetectorCard.from_record((EARLIER / "detector-detector.json").read_text())
    _, *saved = (EARLIER / "detector-checkpoint.txt").read_text().splitlines()
    assert sorted(tensors(card.build())) == sorted(saved)


@pytest.mark.parametrize("name", ["catalog", "packed"])
def test_a_catalog_opens(name: str, catalog: Path, tmp_path: Path) -> None:
    """The rows are of this version, with the columns and the metadata of the earlier one."""
    assert schema_of(None).to_string() + "\n" == (EARLIER / f"{name}-schema.txt").read_text()
    metadata = json.loads((EARLIER / f"{name}-metadata.json").read_text())
    shutil.copytree(catalog, tmp_path / "catalog")
    table = pq.read_table(catalog / FILE).replace_schema_metadata({"codo": json.dumps(metadata)})
    pq.write_table(table, tmp_path / "catalog" / FILE)
    opened = open_catalog(tmp_path / "catalog")
    assert len(opened) == len(table)
    assert "26 images" in opened.summary()


def test_the_initializations_of_a_comparison_are_known_again() -> None:
    found = read_initializations(EARLIER / "answer-comparison.json")
    assert list(found) == ["none", "codo"]
    assert list(found["codo"].weights) == ["/place/run"]
