"""Precise BN: the true statistics, and nothing else changed."""

from __future__ import annotations

import copy
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from codo.core.errors import CodoError
from codo.core.run import Run
from codo.core.signals import StopSignal
from codo.detection.dataset import DetectionBatch
from codo.detection.detector import Detector, DetectorSettings
from codo.detection.finetune import finetune
from codo.detection.precise_bn import recompute_statistics
from codo.methods.base import Method, StepOutput
from codo.models.encoder import ModelSettings
from codo.training import checkpoint
from codo.training.distributed import DistributedContext
from tests.annotations.synthetic import TINY
from tests.conftest import MakeData
from tests.detection.test_finetune import QUICK
from tests.ranks import on_two_ranks

ALONE = DistributedContext(0, 1, torch.device("cpu"))


class Toy(Method):
    """Two BatchNorms that train and one that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.conv = nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3)
        self.second, self.frozen = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.unused = nn.BatchNorm1d(2)

    def train(self, mode: bool = True) -> Toy:
        super().train(mode)
        self.frozen.eval()
        return self

    def inner(self, batch: Tensor) -> Tensor:
        """What `second` sees."""
        out: Tensor = self.conv(self.first(batch))
        return out

    def forward(self, batch: Tensor) -> StepOutput:
        return StepOutput(self.frozen(self.second(self.inner(batch))).mean())

    def exports(self) -> dict[str, nn.Module]:
        return {}


def toy() -> Toy:
    torch.manual_seed(0)
    return Toy().train()


def batches(count: int = 6) -> list[Tensor]:
    """Batches of different sizes, of different brightness."""
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn(1 + i % 3, 3, 8 + i, 9, generator=generator) * (1 + i)
        + 3 * torch.tensor([i, 1.0, -50]).view(3, 1, 1)
        for i in range(count)
    ]


def all_values(inputs: list[Tensor]) -> Tensor:
    """``(values, channels)`` of several maps."""
    return torch.cat([values.movedim(1, -1).flatten(0, -2) for values in inputs]).double()


def test_statistics_are_those_of_all_values_together() -> None:
    method = toy()
    expected = all_values(batches())
    second = all_values([method.inner(batch) for batch in batches()]).detach()
    recompute_statistics(method, batches(), ALONE)
    for layer, values in ((method.first, expected), (method.second, second)):
        torch.testing.assert_close(layer.running_mean, values.mean(0).float(), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(layer.running_var, values.var(0).float(), rtol=1e-5, atol=1e-5)


def test_one_batch_gives_what_torch_calls_its_statistics() -> None:
    """With ``momentum=None`` torch averages over batches; of one batch that is the batch."""
    ours, torchs = toy(), toy()
    recompute_statistics(ours, batches(1), ALONE)
    torchs.first.momentum = None
    torchs(batches(1)[0])
    torch.testing.assert_close(ours.first.running_mean, torchs.first.running_mean)
    torch.testing.assert_close(ours.first.running_var, torchs.first.running_var)


def test_nothing_else_changes() -> None:
    method = toy()
    for layer in (method.first, method.second, method.frozen, method.unused):
        layer.running_mean += 7
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1, momentum=0.9)
    method(batches()[0]).loss.backward()
    optimizer.step()
    before = copy.deepcopy({"method": method.state_dict(), "optimizer": optimizer.state_dict()})
    gradient, rng = method.conv.weight.grad, torch.get_rng_state()
    assert gradient is not None
    gradient = gradient.clone()
    recompute_statistics(method, batches(), ALONE)
    changed = {name for name, tensor in method.state_dict().items() if not torch.equal(tensor, before["method"][name])}
    assert changed == {f"{layer}.running_{kind}" for layer in ("first", "second") for kind in ("mean", "var")}
    momenta = (optimizer.state_dict()["state"], before["optimizer"]["state"])
    for key, state in momenta[0].items():
        assert torch.equal(state["momentum_buffer"], momenta[1][key]["momentum_buffer"])
    assert torch.equal(torch.get_rng_state(), rng)
    assert method.conv.weight.grad is not None
    assert torch.equal(method.conv.weight.grad, gradient)
    assert method.first.momentum == 0.1
    assert method.first.training
    assert not method.frozen.training
    assert not method.first._forward_pre_hooks


def test_interrupted_or_failed_it_leaves_everything_as_it_was() -> None:
    method = toy()
    before = copy.deepcopy(method.state_dict())
    stop = StopSignal()
    stop.number = signal.SIGTERM
    recompute_statistics(method, batches(), ALONE, stop=stop)
    assert all(torch.equal(tensor, before[name]) for name, tensor in method.state_dict().items())
    with pytest.raises(CodoError, match="torn"):
        recompute_statistics(method, [*batches(), CodoError("torn")], ALONE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in method.state_dict().items())
    assert not method.first._forward_pre_hooks


class Vectors(Toy):
    """Only `unused` is used."""

    def forward(self, batch: Tensor) -> StepOutput:
        return StepOutput(self.unused(batch).sum())


def test_a_batch_without_values_does_not_count() -> None:
    method = Vectors()
    pair = torch.tensor([[1.0, 2], [3, 8]])
    recompute_statistics(method, [pair, pair.new_zeros(0, 2)], ALONE)
    assert method.unused.running_mean is not None
    assert method.unused.running_mean.tolist() == [2, 5]
    assert method.unused.running_var is not None
    assert method.unused.running_var.tolist() == [2, 18]


def save_state(rank: int, folder: Path) -> None:
    """What one of two ranks has after its share of the batches."""
    method = toy()
    recompute_statistics(method, batches()[rank::2], DistributedContext(rank, 2, torch.device("cpu")))
    torch.save(method.state_dict(), folder / f"{rank}.pt")


def test_two_processes_get_what_one_gets_of_the_same_batches(tmp_path: Path) -> None:
    on_two_ranks(save_state, tmp_path)
    alone = toy()
    recompute_statistics(alone, batches(), ALONE)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for name, tensor in alone.state_dict().items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], tensor, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("norm", ["batch", "frozen"])
def test_every_trained_norm_of_a_mask_rcnn_is_reached(norm: Any) -> None:
    model, settings = ModelSettings(**TINY["model"]), DetectorSettings(**TINY["detector"])
    detector = Detector(model, settings, classes=2, masks=True, norm=norm)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    masks = torch.zeros(1, 64, 64, dtype=torch.uint8)
    masks[:, 10:40, 10:50] = 1
    target = {"boxes": torch.tensor([[10.0, 10, 50, 40]]), "labels": torch.tensor([1]), "masks": masks}
    before = copy.deepcopy(detector.state_dict())
    recompute_statistics(detector, [DetectionBatch(list(images), [target, target], 0)], ALONE)
    changed = {name for name, tensor in detector.state_dict().items() if not torch.equal(tensor, before[name])}
    frozen = ("detector.backbone.body.",) if norm == "frozen" else ()
    statistics = {name for name in before if name.endswith(("running_mean", "running_var"))}
    assert changed == {name for name in statistics if not name.startswith(frozen)}
    assert any(name.startswith("detector.roi_heads.mask_head.") for name in changed)


def states(run: Run) -> dict[str, Any]:
    return checkpoint.load(run.checkpoints()[-1])


def test_training_takes_the_same_course_with_and_without(make_data: MakeData, tmp_path: Path) -> None:
    settings = {**QUICK, "data": make_data(images=5), "batch_size": 2, "steps": 4, "eval_every": 2, "log.every": 1}
    without = finetune(None, **{**settings, "out": tmp_path / "without"})
    precise = finetune(None, **{**settings, "out": tmp_path / "precise", "precise_bn": 3})
    losses = [[(row["step"], row["loss"], row["grad_norm"]) for row in run.metrics()] for run in (without, precise)]
    assert losses[0] == losses[1]
    a, b = states(without), states(precise)
    differing = {name for name, tensor in a["method"].items() if not torch.equal(tensor, b["method"][name])}
    statistics = {name for name in a["method"] if name.endswith(("running_mean", "running_var"))}
    assert differing == statistics
    assert torch.equal(a["rng"], b["rng"])
    for key, state in a["optimizer"]["state"].items():
        assert torch.equal(state["momentum_buffer"], b["optimizer"]["state"][key]["momentum_buffer"])
