"""What a model card says of the run it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

import codo
from codo.catalog.catalog import open_catalog
from codo.core.run import Run
from codo.exporters.origin import fingerprint, read_origin
from tests.training import tiny


@pytest.fixture(scope="module")
def pretrained(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return codo.pretrain(**tiny.settings(catalog, tmp_path_factory.mktemp("origin") / "run"))


def test_data_length_and_versions(pretrained: Run, catalog: Path) -> None:
    steps = pretrained.config["steps"]
    origin = read_origin(pretrained, steps)
    assert origin.samples == steps * pretrained.config["batch_size"]
    assert {"torch", "torchvision"} <= origin.versions.keys()
    (source,) = origin.sources
    assert (source.name, source.images) == ("photos", 24)
    assert source.roles == ("foregrounds", "query backgrounds", "key backgrounds")
    assert source.fingerprint == fingerprint(open_catalog(catalog))
    assert "loss" in origin.metrics


def test_no_path_of_the_machine_is_in_the_page(pretrained: Run, catalog: Path) -> None:
    page = codo.export(pretrained, to="safetensors").with_suffix(".md").read_text()
    assert str(catalog.parent) not in page
    assert str(pretrained.path.parent) not in page
    assert "photos" in page


def test_numbers_are_those_up_to_the_exported_step(pretrained: Run) -> None:
    rows = [row for row in pretrained.metrics() if "loss" in row]
    assert read_origin(pretrained, rows[0]["step"]).metrics["loss"] == rows[0]["loss"]


def test_data_that_is_gone_is_said_to_be(pretrained: Run, tmp_path: Path) -> None:
    text = (pretrained.path / "config.yaml").read_text()
    (pretrained.path / "config.yaml").write_text(text.replace("/photos", "/moved"))
    try:
        assert all(source.images is None for source in read_origin(Run(pretrained.path), 1).sources)
    finally:
        (pretrained.path / "config.yaml").write_text(text)
