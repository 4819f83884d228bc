"""What the pretext tasks have in common: classification by hand, halves of a batch, golden losses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from codo.methods.base import Method
from codo.pretext.colorization import Colorization
from codo.pretext.context import Context
from codo.pretext.inpainting import Inpainting
from codo.pretext.jigsaw import Jigsaw
from codo.pretext.rotation import Rotation
from codo.pretext.task import classify
from tests.methods.compiling import check_compiled_step
from tests.pretext.pictures import batch, build, dataset, noise

PATCHES = {"cell": 20, "patch": 16, "jitter": 2, "hidden": 16, "joined": 16}
TASKS: dict[str, tuple[type[Method], dict[str, Any]]] = {
    "rotation": (Rotation, {}),
    "colorization": (Colorization, {"width": 16}),
    "inpainting": (Inpainting, {"width": 16, "band": 2}),
    "inpainting of blocks": (Inpainting, {"width": 16, "band": 1, "region": "random"}),
    "inpainting with adversary": (Inpainting, {"width": 16, "band": 2, "adversarial": 0.1, "discriminator_width": 4}),
    "context": (Context, PATCHES),
    "jigsaw": (Jigsaw, {**PATCHES, "permutations": 5}),
}
pytestmark = pytest.mark.usefixtures("one_thread")


def test_classification_by_hand() -> None:
    scores = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]).log1p()
    output = classify(scores, torch.tensor([0, 1, 1]))
    assert output.loss.item() == pytest.approx(-(math.log(3 / 4) + math.log(2 / 3) + math.log(1 / 5)) / 3, rel=1e-6)
    assert float(output.stats["top1"]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", TASKS)
def test_two_ranks_with_half_a_batch_each_compute_the_loss_of_the_whole(name: str) -> None:
    """Samples do not meet in these losses, so this holds without any exchange; BatchNorm is held fixed here."""
    cls, options = TASKS[name]
    method, made = build(cls, **options).eval(), dataset(cls, noise(6, 64, 64), **options)
    data = batch(made)

    def half(value: Any, rank: int) -> Any:
        if isinstance(value, tuple):
            return tuple(half(one, rank) for one in value)
        return value.chunk(2)[rank] if isinstance(value, Tensor) else value

    halves = [method(type(data)(*(half(value, rank) for value in data))) for rank in range(2)]
    mean = sum(float(output.loss.detach()) for output in halves) / 2
    assert float(method(data).loss.detach()) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("name", ["rotation", "colorization", "inpainting", "jigsaw"])
def test_a_compiled_step_runs_compiled_code(name: str) -> None:
    cls, options = TASKS[name]
    data = batch(dataset(cls, noise(6, 64, 64), **options))
    check_compiled_step(lambda: build(cls, **options), data, passes=1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rotation", [1.48434114, 1.44803154, 1.40769351]),
        ("colorization", [5.77133881, 5.74202377, 5.70401358]),
        ("inpainting", [2.49255233, 1.6143322, 1.45784112]),
        ("inpainting of blocks", [2.16556509, 1.5713235, 1.52113159]),
        ("inpainting with adversary", [3.72638642, 2.64204637, 2.26285402]),
        ("context", [2.04773545, 2.10600376, 2.15685225]),
        ("jigsaw", [1.63947284, 1.60416031, 1.711779]),
    ],
)
def test_golden_losses(name: str, expected: list[float]) -> None:
    """A refactoring must not move these; a change of the method may, and then says so in the changelog.

    In double precision: within three steps such small networks make 1% of what CPUs round differently.
    """
    cls, options = TASKS[name]
    method, made = build(cls, **options).double(), dataset(cls, noise(18, 64, 64), **options)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.03)
    losses = []
    for step in range(3):
        output = method(batch(made, step=step))
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        losses.append(float(output.loss.detach()))
    assert losses == pytest.approx(expected, rel=1e-6)
