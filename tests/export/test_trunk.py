from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from codo.errors import CodoError, InputError
from codo.export.trunk import Trunk, pack_trunk, read_trunk
from codo.methods.base import Method
from codo.models.encoder import ModelSettings
from codo.run import Run
from codo.training import checkpoint


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


def test_a_method_without_a_key_encoder_has_none_to_export(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codo.methods.codo.CoDo.key_exports", Method.key_exports)
    assert read_trunk(run).parts == ("backbone", "fpn", "box_head")
    with pytest.raises(InputError, match="method 'codo' has no key encoder") as caught:
        read_trunk(run, "key")
    assert caught.value.fix == "export the trained one: --encoder query"


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


def test_encoder_computes_what_was_pretrained(trunk: Trunk) -> None:
    encoder = trunk.encoder()
    assert not encoder.training
    assert all(torch.equal(encoder.state_dict()[name], tensor) for name, tensor in trunk.tensors.items())


def test_building_the_encoder_leaves_the_random_numbers_alone(trunk: Trunk) -> None:
    before = torch.get_rng_state()
    trunk.encoder()
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_that_do_not_fit_their_settings_are_refused(trunk: Trunk) -> None:
    fewer = {name: tensor for name, tensor in trunk.tensors.items() if name != "fpn.layer_blocks.0.0.weight"}
    with pytest.raises(CodoError, match=r"fpn.layer_blocks.0.0.weight"):
        Trunk(trunk.model, fewer, "codo", 0).encoder()


def test_runs_without_a_trunk_are_refused(run: Run) -> None:
    for file in run.checkpoints():
        file.unlink()
    with pytest.raises(InputError, match="no checkpoint"):
        read_trunk(run)
    environment = run.environment
    (run.path / "environment.json").write_text(json.dumps({**environment, "verb": "finetune"}))
    with pytest.raises(InputError, match="only pretraining runs are exported, this is one of codo finetune"):
        read_trunk(run)
