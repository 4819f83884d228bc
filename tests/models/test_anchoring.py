"""The anchor to the initial weights: its two terms by hand, in a method, and what it holds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from codo.methods.freezing import freeze, unfreeze
from codo.models.anchoring import Anchor, AnchorSettings, cosine_distance, squared_distance
from tests.methods.test_freezing import B, batch, draw_statistics, method

pytestmark = pytest.mark.usefixtures("one_thread")


def anchored(parts: tuple[str, ...] = ("backbone",), made: Any = None, **values: float) -> Any:
    """A method whose parts are held near their present weights."""
    made = made or method()
    modules = {part: module for part, module in made.exports().items() if part in parts}
    made.start = Anchor(modules, AnchorSettings(**values))
    return made


def train(made: Any, steps: int, lr: float = 0.02) -> None:
    optimizer = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=lr)
    for step in range(steps):
        made.train()(batch(step)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        made.on_step_end()


def test_cosine_distance_by_hand() -> None:
    ours = torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]])
    start = torch.tensor([[30.0, 40.0], [0.0, 5.0], [0.0, -1.0]])
    assert cosine_distance(ours, start).item() == pytest.approx((0 + 1 + 2) / 3)  # lengths do not count
    assert cosine_distance(ours[:1], torch.tensor([[1.0, 0.0]])).item() == pytest.approx(1 - 3 / 5)
    # Maps: the channels of each location, here 2 x 1 locations of one image.
    maps = torch.tensor([[[[1.0], [0.0]], [[0.0], [1.0]]]])  # (1, C = 2, h = 2, w = 1): (1, 0) above (0, 1)
    turned = torch.tensor([[[[1.0], [1.0]], [[0.0], [0.0]]]])
    assert cosine_distance(maps, turned).item() == pytest.approx((0 + 1) / 2)


def test_squared_distance_by_hand_and_its_gradient_is_decay_towards_the_start() -> None:
    weights = [torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor(5.0, requires_grad=True)]
    start = [torch.tensor([0.0, 4.0]), torch.tensor(2.0)]
    found = squared_distance(weights, start)
    assert found.item() == 1 + 4 + 9
    (found / 2).backward()
    assert [weight.grad.tolist() for weight in weights] == [[1.0, -2.0], 3.0]  # type: ignore[union-attr]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("name", ["codo", "moco_v2"])
def test_the_loss_is_the_contrast_and_the_weighted_distances(name: str, groups: int) -> None:
    plain, held = method(name, bn_groups=groups), method(name, bn_groups=groups)
    for made in (plain, held):
        with torch.no_grad():
            start = {k: v.clone() for k, v in made.query.backbone.state_dict().items()}
            made.query.backbone.conv1.weight.add_(0.05)
    anchored(made=held, features=3.0, decay=0.5)
    held.start["backbone"].load_state_dict(start)
    output, contrast = held.train()(batch()), plain.train()(batch()).loss
    # By hand: the trained backbone in training mode with the statistics of its groups, the start in evaluation mode.
    pixels = held.pixels(batch().query_images)
    moved, kept = method(name).query.backbone, method(name).query.backbone.eval()
    with torch.no_grad():
        moved.conv1.weight.add_(0.05)
        maps = [torch.cat(level) for level in zip(*map(moved.train(), pixels.chunk(groups)), strict=True)]
        distances = []
        for one, other in zip(maps, kept(pixels), strict=True):
            cosine = (one * other).sum(1) / (one.norm(dim=1) * other.norm(dim=1)).clamp(min=1e-8)
            distances.append(1 - cosine.mean())
    squared = 0.05**2 * moved.conv1.weight.numel()
    length = math.sqrt(sum(float(p.detach().square().sum()) for p in kept.parameters()))
    assert output.stats["anchor/backbone"].item() == pytest.approx(sum(map(float, distances)) / 4, rel=1e-4)
    assert output.stats["anchor/moved"].item() == pytest.approx(math.sqrt(squared) / length, rel=1e-4)
    expected = float(contrast.detach()) + 3.0 * sum(map(float, distances)) / 4 + 0.25 * squared
    assert float(output.loss.detach()) == pytest.approx(expected, rel=1e-5)
    assert float(output.stats["loss"]) == float(output.loss.detach())


@pytest.mark.parametrize("weight", [0.0, 100.0])
def test_a_huge_weight_keeps_the_features_in_evaluation_mode(weight: float) -> None:
    """A part that another loss pulls away, on batches whose statistics are not those of the start."""
    torch.manual_seed(0)
    part: Any = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))
    draw_statistics(part)
    inputs, wanted = torch.randn(4, 16, 3, 8, 8), torch.randn(8)
    start = part.eval()(inputs[0]).detach()
    anchor = Anchor({"backbone": part}, AnchorSettings(features=weight, decay=1e-6))
    optimizer = torch.optim.SGD(part.parameters(), lr=0.01, momentum=0.9)
    part.train()
    for step in range(60):
        with anchor.watching({"backbone": part}) as passes:
            output = part(inputs[step % 4])
        pull = (output - wanted[:, None, None]).square().mean()
        (pull + anchor.loss({"backbone": part}, passes)[0]).backward()
        optimizer.step()
        optimizer.zero_grad()
    distance = float(cosine_distance(part.eval()(inputs[0]).detach(), start))
    assert distance < 0.05 if weight else distance > 0.5


def test_huge_decay_keeps_the_weights_and_lets_the_rest_learn() -> None:
    plain, held = method().double(), anchored(decay=40.0).double()  # in single precision CPUs differ by a factor of two
    train(plain, 4)
    train(held, 4)
    assert 0 < distance(held) < 0.6 * distance(plain)
    first = method().double().query.box_head.state_dict()
    assert all(not torch.equal(first[n], p) for n, p in held.query.box_head.named_parameters())


def distance(made: Any) -> float:
    pairs = zip(made.query.backbone.parameters(), method().query.backbone.parameters(), strict=True)
    return math.sqrt(sum(float((a - b).detach().square().sum()) for a, b in pairs))


def test_the_copies_stay_as_they_are_and_see_the_query_view_only() -> None:
    made = anchored(("backbone", "box_head"), method(keys="end_to_end", negatives="batch"), features=1.0, decay=0.1)
    before = {name: value.clone() for name, value in made.start.state_dict().items()}
    images: list[int] = []
    made.start["backbone"].register_forward_hook(lambda _, inputs, __: images.append(len(inputs[0])))
    train(made, 1)
    assert sum(images) == B
    assert all(torch.equal(value, before[name]) for name, value in made.start.state_dict().items())
    assert not any(module.training for module in made.train().start.modules())
    assert not any(parameter.requires_grad for parameter in made.start.parameters())
    assert set(made.train()(batch()).stats) >= {"anchor/backbone", "anchor/box_head", "anchor/moved"}


def test_a_frozen_part_is_held_from_unfreezing_on() -> None:
    made = anchored(("backbone",), features=1.0, decay=0.1)
    freeze(made, ["backbone"])
    assert not [name for name in made.train()(batch()).stats if name.startswith("anchor")]
    unfreeze(made)
    assert {"anchor/backbone", "anchor/moved"} <= set(made.train()(batch()).stats)


def test_no_weights_no_terms() -> None:
    parts = {"backbone": nn.Linear(2, 2)}
    only = Anchor(parts, AnchorSettings(decay=2.0))
    with only.watching(parts) as passes:
        parts["backbone"](torch.ones(1, 2))
    assert passes == []
    with torch.no_grad():
        parts["backbone"].bias.add_(1.0)
    loss, stats = only.loss(parts, passes)
    assert loss.item() == pytest.approx(2.0)  # 2 / 2 * (1 + 1)
    assert list(stats) == ["anchor/moved"]
