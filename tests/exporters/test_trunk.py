from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from codo.core.errors import CodoError, InputError
from codo.core.run import Run
from codo.exporters.trunk import TrunkWeights, pack_trunk, read_trunk
from codo.exporters.write import export
from codo.models.encoder import ModelSettings
from codo.training import checkpoint
from tests.exporters.conftest import leave_run


def test_is_the_query_encoder_of_the_newest_checkpoint(run: Run) -> None:
    state = checkpoint.load(run.checkpoints()[-1])["method"]
    trunk = read_trunk(run)
    assert (trunk.step, trunk.method, trunk.model.init) == (6, "codo", "none")
    assert {name.split(".")[0] for name in trunk.tensors} == {"backbone", "fpn", "box_head"}
    for name, tensor in trunk.tensors.items():
        assert torch.equal(tensor, state[f"query.{name}"])
        assert tensor.is_contiguous()
    assert not torch.equal(trunk.tensors["backbone.conv1.weight"], state["key.backbone.conv1.weight"])


def test_the_key_encoder_is_its_momentum_copy(run: Run) -> None:
    state = checkpoint.load(run.checkpoints()[-1])["method"]
    trunk = read_trunk(run, "key")
    assert trunk.network == "key"
    assert trunk.tensors.keys() == read_trunk(run).tensors.keys()
    for name, tensor in trunk.tensors.items():
        assert torch.equal(tensor, state[f"key.{name}"])


def test_methods_that_contrast_whole_images_leave_a_backbone_alone(tmp_path: Path) -> None:
    run = leave_run(tmp_path / "moco", "moco_v2", backgrounds=[])
    for network in ("query", "key"):
        trunk = read_trunk(run, network)
        assert (trunk.parts, trunk.method) == (("backbone",), "moco_v2")
    page = export(run, "detectron2").with_suffix(".md").read_text()
    assert "Backbone (resnet50 of width 0.125)" in page
    assert "`fpn` (40 tensors): method `moco_v2` does not pretrain it" in page
    assert "| f | images |" in page


def test_a_method_without_a_momentum_copy_has_none_to_export(tmp_path: Path) -> None:
    run = leave_run(tmp_path / "simsiam", "simsiam", backgrounds=[])
    assert read_trunk(run).parts == ("backbone",)
    with pytest.raises(InputError, match="method 'simsiam' has no key encoder") as caught:
        read_trunk(run, "key")
    assert caught.value.fix == "export the trained encoder: --encoder query"


def test_a_method_of_somebodys_own_is_named_without_its_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from codo.methods.simsiam import SimSiam\n\nclass Mine(SimSiam):\n    pass\n")
    run = leave_run(tmp_path / "run", f"{tmp_path}/mine.py:Mine", backgrounds=[])
    assert read_trunk(run).method == "mine.py:Mine"
    assert str(tmp_path) not in export(run, "safetensors").with_suffix(".md").read_text()


def test_tensors_that_share_memory_are_written_apart() -> None:
    """Safetensors refuses to write two names of one memory."""
    shared = nn.Linear(2, 2)
    modules = {"backbone": nn.ModuleList([shared, shared])}
    tensors = list(pack_trunk(ModelSettings(), modules, "codo", 0).tensors.values())
    assert len({tensor.data_ptr() for tensor in tensors}) == len(tensors) == 4


def test_a_torn_checkpoint_is_passed_over(run: Run) -> None:
    newest = run.checkpoints()[-1]
    newest.write_bytes(newest.read_bytes()[:5000])
    assert read_trunk(run).step == 5


def test_encoder_computes_what_was_pretrained(trunk: TrunkWeights) -> None:
    encoder = trunk.encoder()
    assert not encoder.training
    assert all(torch.equal(encoder.state_dict()[name], tensor) for name, tensor in trunk.tensors.items())


def test_building_the_encoder_leaves_the_random_numbers_alone(trunk: TrunkWeights) -> None:
    before = torch.get_rng_state()
    trunk.encoder()
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_that_do_not_fit_their_settings_are_refused(trunk: TrunkWeights) -> None:
    fewer = {name: tensor for name, tensor in trunk.tensors.items() if name != "fpn.layer_blocks.0.0.weight"}
    with pytest.raises(CodoError, match=r"fpn.layer_blocks.0.0.weight"):
        TrunkWeights(trunk.model, fewer, "codo", 0).encoder()


def test_runs_without_a_trunk_are_refused(run: Run) -> None:
    for file in run.checkpoints():
        file.unlink()
    with pytest.raises(InputError, match="no checkpoint"):
        read_trunk(run)
    environment = run.environment
    (run.path / "environment.json").write_text(json.dumps({**environment, "verb": "finetune"}))
    with pytest.raises(InputError, match="only pretraining runs can be exported, this is a run of codo finetune"):
        read_trunk(run)
