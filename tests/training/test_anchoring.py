"""Runs with an anchor to their initial weights: resumed without the file of these, on two ranks; what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import codo
from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError
from codo.methods.base import Setup
from codo.methods.codo import CoDo
from codo.models.anchoring import Anchor, AnchorSettings
from codo.models.encoder import ModelSettings
from codo.models.weights import recognize
from codo.optim.optimizer import OptimSettings, build_optimizer
from codo.training import checkpoint
from codo.training.anchoring import anchored_parameters
from codo.training.distributed import DistributedContext
from codo.training.load_run import load_method
from codo.training.trainer import distribute
from tests.methods.test_freezing import batch
from tests.ranks import on_two_ranks
from tests.training import tiny
from tests.training.test_freezing import settings as freezing_settings
from tests.training.test_freezing import weights as weights

pytestmark = pytest.mark.usefixtures("one_thread")
ANCHOR = {"features": 2.0, "decay": 0.01}


@pytest.fixture(autouse=True)
def _no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)


def settings(catalog: Path, out: Path, weights: Path, **changes: Any) -> dict[str, Any]:
    given = freezing_settings(catalog, out, weights, steps=3, **changes)
    given["model"] = {**given["model"], "freeze": []}
    return given


def test_resumed_without_the_file_it_ends_with_the_same_bits(
    catalog: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backbone.pth"
    file.write_bytes(weights.with_name("backbone.pth").read_bytes())

    def given(name: str) -> dict[str, Any]:
        return settings(catalog, tmp_path / name, file, anchor=ANCHOR)

    whole = codo.pretrain(**given("whole"))
    with tiny.stopped_after(2, monkeypatch):
        codo.pretrain(**given("stopped"))
    file.unlink()
    run = codo.pretrain(**given("stopped"))
    state = tiny.final_state(whole.path)
    tiny.assert_same_state(tiny.final_state(run.path), state)
    assert tiny.timeless(run.metrics()) == tiny.timeless(whole.metrics())
    assert {"anchor/backbone", "anchor/moved"} <= whole.metrics()[-1].keys()
    assert "anchor/fpn" not in whole.metrics()[-1]  # a random pyramid has nothing to keep
    said = "anchor.features=2 anchor.decay=0.01: backbone is held near the initial weights"
    assert said in (whole.path / "train.log").read_text()
    start = torch.load(weights)
    kept = {n.removeprefix("start."): value for n, value in state["method"].items() if n.startswith("start.")}
    assert kept.keys() == {name for name in start if name.startswith("backbone.")}
    counters = "num_batches_tracked"  # not used, and not read from files
    assert all(torch.equal(value, start[name]) for name, value in kept.items() if not name.endswith(counters))
    # What a run is read for is its trained network, not the copy.
    method, *_ = load_method(whole)
    trained = state["method"]["query.backbone.conv1.weight"]
    assert torch.equal(method.exports()["backbone"].conv1.weight, trained)  # type: ignore[arg-type, union-attr]
    copy_first = dict(sorted(state["method"].items(), key=lambda item: not item[0].startswith("start.")))
    found = recognize({n: value for n, value in start.items() if n.startswith("backbone.")}, copy_first)
    assert found is not None
    assert torch.equal(found.tensors["backbone.conv1.weight"], trained)


def test_weights_of_0_are_the_plain_run_bit_for_bit(catalog: Path, weights: Path, tmp_path: Path) -> None:
    plain = codo.pretrain(**settings(catalog, tmp_path / "plain", weights))
    none = codo.pretrain(**settings(catalog, tmp_path / "none", weights, anchor={"features": 0, "decay": 0}))
    states = [checkpoint.load(run.checkpoints()[-1]) for run in (plain, none)]
    tiny.assert_same_state(*states)
    assert tiny.timeless(plain.metrics()) == tiny.timeless(none.metrics())


@pytest.mark.parametrize(
    ("changes", "what", "fix"),
    [
        ({"model.init": "none"}, "random weights hold nothing to keep", "model.init=imagenet"),
        ({"method": "simclr"}, "method simclr has no anchor", "model.freeze=[backbone]"),
        ({"method": "densecl"}, "method densecl has no anchor", "method=codo"),
        ({"compile": True}, "compiled encoders do not show", "anchor.decay alone"),
        ({"model.freeze": ["backbone", "fpn"]}, "frozen to the end", "model.unfreeze_at=STEP"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    changes: dict[str, Any], what: str, fix: str, catalog: Path, weights: Path, tmp_path: Path
) -> None:
    source = weights.with_name("backbone.pth")
    given = settings(catalog, tmp_path / "run", source, anchor=ANCHOR)
    if "model.freeze" in changes:
        given["model"] = {**given["model"], "freeze": ["backbone"]}
    else:
        given |= changes
    if "method" in changes:
        del given["backgrounds"]
    with pytest.raises(InputError, match=what) as caught:
        codo.pretrain(**given)
    assert fix in caught.value.fix
    assert not (tmp_path / "run").exists()


def small(world: int = 1, **anchor: float) -> CoDo:
    torch.manual_seed(0)
    model = ModelSettings.model_validate({**tiny.MODEL, "fpn_channels": 8, "head_dim": 16})
    contrast = ContrastSettings(queue=16, bn_groups=2, momentum=0.9)
    made = CoDo(Setup(model, contrast, batch_size=8, world=world))
    made.start = Anchor({"backbone": made.query.backbone}, AnchorSettings(**anchor))
    return made


def test_decay_towards_the_start_replaces_that_towards_zero() -> None:
    made = small(decay=0.1)
    optimizer = build_optimizer(made, OptimSettings(), torch.device("cpu"), anchored=anchored_parameters(made))
    backbone = {id(parameter) for parameter in made.query.backbone.parameters()}
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {decay[number] for number in backbone} == {0.0}
    assert {value for number, value in decay.items() if number not in backbone} == {1e-4}
    assert not decay.keys() & {id(parameter) for parameter in made.start.parameters()}  # type: ignore[union-attr]
    assert anchored_parameters(small(features=1.0)) == []


def steps(context: DistributedContext) -> list[torch.Tensor]:
    """Losses of two steps and the weights at the end."""
    made = small(context.world, features=5.0, decay=0.1).train().double()
    mine = slice(8 * context.rank // context.world, 8 * (context.rank + 1) // context.world)
    module, losses = distribute(made, context), []
    optimizer = torch.optim.SGD(made.query.parameters(), lr=0.02, momentum=0.9)
    for step in range(2):
        data = batch(step)
        parts = {"query_images": data.query_images[mine], "query_boxes": data.query_boxes[mine].double()}
        parts |= {"key_images": data.key_images[:, mine], "key_boxes": data.key_boxes[:, mine].double()}
        output = module(data._replace(**parts))
        output.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        made.on_step_end()
        stats = context.mean({"loss": output.loss, **output.stats})
        losses += [torch.tensor(stats[n], dtype=torch.float64) for n in ("loss", "anchor/backbone", "anchor/moved")]
    return [*losses, *(parameter.detach() for parameter in made.parameters())]


def save_steps(rank: int, folder: Path) -> None:
    """What one rank computes."""
    torch.save(steps(DistributedContext(rank, 2, torch.device("cpu"))), folder / f"{rank}.pt")


def test_two_ranks_compute_what_one_process_does(tmp_path: Path) -> None:
    on_two_ranks(save_steps, tmp_path)
    expected = steps(DistributedContext(0, 1, torch.device("cpu")))
    assert float(expected[5]) > 0  # moved
    for rank in range(2):
        for one, two in zip(expected, torch.load(tmp_path / f"{rank}.pt"), strict=True):
            assert torch.allclose(one, two, rtol=1e-5, atol=1e-6)
