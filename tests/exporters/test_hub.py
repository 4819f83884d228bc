from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from safetensors.torch import load_file

from codo.core.errors import InputError
from codo.core.run import Run
from codo.exporters.trunk import read_trunk
from codo.exporters.write import export


def test_the_folder_is_what_a_hub_shows(run: Run, tmp_path: Path) -> None:
    folder = export(run, "hub", out=tmp_path / "mine")
    assert sorted(file.name for file in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    card = ModelCard.load(folder / "README.md")  # as the hub reads it
    assert (card.data.library_name, card.data.license) == ("codo", None)
    assert {"object-detection", "resnet50"} <= set(card.data.tags)
    assert card.text.lstrip().startswith("# model.safetensors")
    config, trunk = json.loads((folder / "config.json").read_text()), read_trunk(run)
    assert (config["method"], config["step"], config["parts"]) == ("codo", 6, ["backbone", "fpn", "box_head"])
    assert config["model"] == trunk.model.model_dump(mode="json")
    assert load_file(folder / "model.safetensors").keys() == trunk.tensors.keys()


def test_written_again_it_replaces_itself_but_nobody_elses_folder(run: Run, tmp_path: Path) -> None:
    export(run, "hub", out=tmp_path / "mine")
    export(run, "hub", out=tmp_path / "mine", encoder="key")
    assert json.loads((tmp_path / "mine" / "config.json").read_text())["network"] == "key"
    readme = tmp_path / "mine" / "README.md"
    readme.write_text(readme.read_text().replace("library_name: codo", "library_name: codo\nlicense: mit"))
    with pytest.raises(InputError, match="or was changed"):
        export(run, "hub", out=tmp_path / "mine")
    assert "license: mit" in readme.read_text()
    other = tmp_path / "project"
    other.mkdir()
    (other / "README.md").write_text("mine")
    with pytest.raises(InputError, match="the folder is not empty"):
        export(run, "hub", out=other)
    assert (other / "README.md").read_text() == "mine"
