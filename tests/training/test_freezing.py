"""Runs with frozen parts: resumed around the step of unfreezing, on two ranks, exported; and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

import codo
from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError
from codo.detection.load_pretrained import architecture
from codo.exporters.trunk import read_trunk
from codo.methods.base import Setup
from codo.methods.codo import CoDo
from codo.methods.freezing import compile_frozen, freeze, unfreeze
from codo.models.encoder import Encoder, ModelSettings
from codo.training import checkpoint
from codo.training.distributed import DistributedContext
from codo.training.load_run import load_method
from codo.training.trainer import average_statistics, distribute
from tests.compiler import needs_compiler
from tests.methods.test_freezing import batch
from tests.ranks import on_two_ranks
from tests.training import tiny

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trunk with statistics unlike those of a new network."""
    torch.manual_seed(3)
    encoder = Encoder(ModelSettings.model_validate(tiny.MODEL))
    encoder(torch.randn(8, 3, 32, 32), torch.tensor([[4.0, 4, 28, 28]]).repeat(8, 1))
    folder = tmp_path_factory.mktemp("weights")
    for name, parts in (("trunk", ("backbone", "fpn", "box_head")), ("backbone", ("backbone",))):
        torch.save(
            {n: value for n, value in encoder.state_dict().items() if n.startswith(parts)}, folder / f"{name}.pth"
        )
    return folder / "trunk.pth"


def settings(catalog: Path, out: Path, weights: Path, **changes: Any) -> dict[str, Any]:
    model = {**tiny.MODEL, "init": str(weights), "freeze": ["backbone"]}
    made = tiny.settings(catalog, out, model=model, canvas=32, steps=5, probe=None)
    return {**made, "checkpoint_every": 1, "keep_checkpoints": 5, **changes}


@pytest.fixture(autouse=True)
def _no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)


@pytest.mark.parametrize(("method", "stops"), [("codo", (2, 3, 4)), ("byol", (3,))])
def test_resumed_before_at_and_after_unfreezing_it_ends_with_the_same_bits(
    method: str, stops: tuple[int, ...], catalog: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own: dict[str, Any] = {"method": method, "model.unfreeze_at": 3, "optim.lr_factors": {"backbone": 0.5}}
    own |= {} if method == "codo" else {"options": {"hidden": 16}}

    def given(name: str) -> dict[str, Any]:
        made = settings(catalog, tmp_path / name, weights.with_name("backbone.pth"), **own)
        if method == "byol":
            del made["backgrounds"]
        return made

    whole = codo.pretrain(**given("whole"))
    states = {int(path.name[5:13]): checkpoint.load(path)["method"] for path in whole.checkpoints()}
    network = "query" if method == "codo" else "encoder"
    name = f"{network}.backbone.conv1.weight"
    start = torch.load(weights)["backbone.conv1.weight"]
    assert [torch.equal(states[step][name], start) for step in (1, 3, 4)] == [True, True, False]
    assert "all parts are trained from step 3 on" in (whole.path / "train.log").read_text()
    for stop in stops:
        with tiny.stopped_after(stop, monkeypatch):
            codo.pretrain(**given(f"{stop}"))
        codo.pretrain(**given(f"{stop}"))
        tiny.assert_same_state(tiny.final_state(tmp_path / f"{stop}"), tiny.final_state(whole.path))
    loaded, _, step = load_method(whole)
    assert step == 5
    weights_of = {name: value for name, value in loaded.state_dict().items() if not name.startswith("queue")}
    assert all(torch.equal(value, states[5][name]) for name, value in weights_of.items())


@needs_compiler
def test_resumed_with_a_compiled_backbone_it_ends_with_the_same_bits(
    catalog: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given(name: str, **changes: Any) -> dict[str, Any]:
        own = {"compile": "frozen", "model.unfreeze_at": 4, "probe": {"every": 1, "proposals": 8, "group": 4}}
        return settings(catalog, tmp_path / name, weights.with_name("backbone.pth"), **{**own, **changes})

    whole = codo.pretrain(**given("whole"))
    plain = codo.pretrain(**given("plain", compile=False))
    losses = [[row["loss"] for row in run.metrics() if "loss" in row] for run in (whole, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert losses[0][:4] != losses[1][:4]  # other code
    with tiny.stopped_after(2, monkeypatch):
        codo.pretrain(**given("stopped"))
    torch.compiler.reset()  # as in a new process
    codo.pretrain(**given("stopped"))
    tiny.assert_same_state(tiny.final_state(tmp_path / "stopped"), tiny.final_state(whole.path))


def test_a_run_with_a_frozen_backbone(catalog: Path, weights: Path, tmp_path: Path) -> None:
    probe = {"every": 2, "proposals": 8, "group": 4}
    run = codo.pretrain(**settings(catalog, tmp_path / "run", weights, steps=2, probe=probe))
    start = torch.load(weights)
    trunk = read_trunk(run)
    for name, value in trunk.tensors.items():
        if name.startswith("backbone.") and not name.endswith("num_batches_tracked"):
            assert torch.equal(value, start[name]), name
    assert not torch.equal(trunk.tensors["fpn.inner_blocks.0.0.weight"], start["fpn.inner_blocks.0.0.weight"])
    for name, value in read_trunk(run, "key").tensors.items():
        assert torch.equal(value, trunk.tensors[name]) == name.startswith("backbone."), name
    state = checkpoint.load(run.checkpoints()[-1])["method"]
    query, key = (state[f"{network}.backbone.conv1.weight"] for network in ("query", "key"))
    assert query.data_ptr() == key.data_ptr()  # stored once
    log = (run.path / "train.log").read_text()
    assert "model.freeze=[backbone]: 0.19M of 0.231M parameters stay as they are\n" in log
    card = codo.export(run, to="safetensors").with_suffix(".md").read_text()
    assert "- frozen: backbone: not trained, initialized by model.init=trunk.pth" in card
    assert architecture(str(run.path), ModelSettings(), {}) == ModelSettings.model_validate(tiny.MODEL).normalized_for(
        "none"
    )
    assert codo.load_trunk(run).backbone.conv1.weight.requires_grad


def test_a_run_from_before_these_settings_goes_on(catalog: Path, tmp_path: Path) -> None:
    given = tiny.settings(catalog, tmp_path / "run", steps=1, canvas=32, probe=None)
    run = codo.pretrain(**given)
    config = yaml.safe_load((run.path / "config.yaml").read_text())
    del config["model"]["freeze"], config["model"]["unfreeze_at"], config["optim"]["lr_factors"]
    (run.path / "config.yaml").write_text(yaml.safe_dump(config))
    assert codo.pretrain(**given).metrics() == run.metrics()
    with pytest.raises(InputError, match=r"optim\.lr_factors\.fpn: unset -> 0\.5"):
        codo.pretrain(**given, **{"optim.lr_factors": {"fpn": 0.5}})


@pytest.mark.parametrize(
    ("changes", "what", "fix"),
    [
        ({"model.init": "none"}, "random features that never change teach nothing", "model.init=imagenet"),
        ({"model.freeze": [], "compile": "frozen"}, "nothing is frozen", "model.freeze=[backbone]"),
        ({"model.freeze": ["fpn"]}, "while the backbone below it changes", "model.freeze=[backbone,fpn]"),
        ({"model.freeze": ["box_head"]}, r"must be \[backbone\], \[backbone,fpn\], or \[\]", "model.freeze"),
        ({"model.freeze": [], "model.unfreeze_at": 2}, "nothing is frozen", "model.freeze=[backbone]"),
        ({"model.unfreeze_at": 5}, "the run has 5 steps", "below 5"),
        ({"method": "moco_v2"}, "method moco_v2 trains only the backbone", "model.unfreeze_at=STEP"),
        ({"method": "moco_v2", "model.freeze": "[backbone,fpn]"}, "must be", "model.freeze"),
        ({"method": "moco_v2", "model.freeze": ["backbone", "fpn"]}, "method moco_v2 has no fpn", "[backbone]"),
        ({"optim.lr_factors": {"backbone": 0.1}}, "the backbone is frozen", "leave backbone out"),
        ({"optim.lr_factors": {"heads": 0.1}}, "no part 'heads'", "did you mean 'box_head'?"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    changes: dict[str, Any], what: str, fix: str, catalog: Path, weights: Path, tmp_path: Path
) -> None:
    given = settings(catalog, tmp_path / "run", weights, **changes)
    if "method" in changes:
        del given["backgrounds"]
    with pytest.raises(InputError, match=what) as caught:
        codo.pretrain(**given)
    assert fix in caught.value.fix
    assert not (tmp_path / "run").exists()


def test_a_frozen_pyramid_must_be_in_the_weights(catalog: Path, weights: Path, tmp_path: Path) -> None:
    changes = {"model.freeze": ["fpn", "backbone"]}  # in any order
    with pytest.raises(InputError, match=r"model\.init has no fpn: a random one would be frozen"):
        codo.pretrain(**settings(catalog, tmp_path / "run", weights.with_name("backbone.pth"), **changes))
    run = codo.pretrain(**settings(catalog, tmp_path / "run", weights, steps=1, **changes))
    assert run.config["model"]["freeze"] == ["backbone", "fpn"]


def steps(context: DistributedContext, compiled: bool) -> list[torch.Tensor]:
    """Losses of three steps, the backbone being trained from the second on, and the weights at the end.

    In float64; in float32 where the backbone is compiled as long as it is frozen, which torch 2.15 cannot in float64.
    """
    exact = torch.float32 if compiled else torch.float64
    torch.manual_seed(0)
    model = ModelSettings.model_validate({**tiny.MODEL, "fpn_channels": 8, "head_dim": 16})
    made = CoDo(Setup(model, ContrastSettings(queue=16, bn_groups=2, momentum=0.9), batch_size=8, world=context.world))
    made.train().to(exact)
    freeze(made, ["backbone"])
    if compiled and context.world > 1:
        compile_frozen(made)
    mine = slice(8 * context.rank // context.world, 8 * (context.rank + 1) // context.world)
    module, losses = distribute(made, context), []
    optimizer = torch.optim.SGD(made.query.parameters(), lr=0.02, momentum=0.9)
    for step in range(3):
        if step == 1:
            unfreeze(made)
            module = distribute(made, context)
        data = batch(step)
        parts = (data.query_images[mine], data.query_boxes[mine].to(exact), data.key_images[:, mine])
        output = module(
            data._replace(
                query_images=parts[0],
                query_boxes=parts[1],
                key_images=parts[2],
                key_boxes=data.key_boxes[:, mine].to(exact),
            )
        )
        output.loss.backward()
        assert (made.query.backbone.conv1.weight.grad is None) == (step == 0)
        optimizer.step()
        optimizer.zero_grad()
        made.on_step_end()
        losses.append(torch.tensor(context.mean({"loss": output.loss})["loss"], dtype=torch.float64))
    if context.world > 1:
        frozen = check_averages(context)
        assert frozen == context.rank
    return [*losses, *(parameter.detach() for parameter in made.parameters())]


def check_averages(context: DistributedContext) -> float:
    """Statistics of layers in training are averaged over ranks; returns that of a frozen layer, which is not."""
    layers: Any = nn.Sequential(nn.BatchNorm2d(1), nn.BatchNorm2d(1).eval())
    for layer in layers:
        layer.running_mean.fill_(float(context.rank))
    average_statistics(layers, context)
    assert float(layers[0].running_mean) == 0.5
    return float(layers[1].running_mean)


def save_steps(rank: int, folder: Path, compiled: bool) -> None:
    """What one rank computes."""
    torch.save(steps(DistributedContext(rank, 2, torch.device("cpu")), compiled), folder / f"{rank}.pt")


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_compiler)])
def test_two_ranks_unfreeze_together_and_compute_what_one_process_does(compiled: bool, tmp_path: Path) -> None:
    on_two_ranks(save_steps, tmp_path, compiled)
    expected = steps(DistributedContext(0, 1, torch.device("cpu")), compiled)
    tolerance = {"rtol": 1e-3, "atol": 1e-4} if compiled else {"rtol": 1e-5, "atol": 1e-6}
    for rank in range(2):
        for one, two in zip(expected, torch.load(tmp_path / f"{rank}.pt"), strict=True):
            assert torch.allclose(one, two, **tolerance)
