"""Finding the pasted object: boxes, targets and losses by hand, and the whole loss against its parts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from codo.contrast.bn_groups import permutation
from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError
from codo.loading.step_dataset import ViewBatch
from codo.methods import localization
from codo.methods.base import Setup
from codo.methods.codo import CoDo, CoDoOptions
from codo.methods.localization import LocatingEncoder
from codo.models.encoder import ModelSettings

B, S = 8, 64
MODEL = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=16, head="1conv1fc", head_dim=32, embedding_dim=16)
END_TO_END = {"negatives": "batch", "keys": "end_to_end"}
pytestmark = pytest.mark.usefixtures("one_thread")


def method(weight: float = 1.0, contrast_weight: float = 1.0, **contrast: Any) -> CoDo:
    torch.manual_seed(0)
    settings = ContrastSettings.model_validate({"queue": 16, "bn_groups": 2, "momentum": 0.9, **contrast})
    options = CoDoOptions(contrast_weight=contrast_weight)
    return CoDo(Setup(MODEL, settings, options=options, localization=weight, batch_size=B)).train()


def batch(step: int = 0, views: int = 2) -> ViewBatch:
    """Random pixels; jittered, pasted and background boxes."""
    generator = torch.Generator().manual_seed(step)
    images = torch.randint(0, 256, (views, B, S, S, 3), dtype=torch.uint8, generator=generator)
    low = 24 * torch.rand(views, B, 2, generator=generator)
    pasted = torch.cat([low, low + 16 + 24 * torch.rand(views, B, 2, generator=generator)], dim=2)
    boxes = torch.cat([pasted + 1, pasted, torch.tensor([40.0, 0.0, 60.0, 12.0]).expand_as(pasted)], dim=2)
    order = torch.from_numpy(permutation(0, step, B))
    return ViewBatch(images[0], boxes[0], images[1:, order], boxes[1:, order], order, step)


def test_targets_by_hand() -> None:
    # Box 20 wide and 10 high around (20, 25); wanted: 40 wide and 10 high around (24, 24).
    found = localization.box_targets(torch.tensor([[10.0, 20, 30, 30]]), torch.tensor([[4.0, 19, 44, 29]]))
    expected = torch.tensor([[10 * 4 / 20, 10 * -1 / 10, 5 * math.log(2), 0.0]])
    assert torch.allclose(found, expected, atol=1e-6)


def test_losses_by_hand() -> None:
    predicted = torch.tensor([[[0.5, 0, 0, 0], [3, 0, 0, 0]]])  # smooth L1: 0.5 * 0.25, and 3 - 0.5; over four numbers
    assert torch.allclose(localization.box_loss(predicted, torch.zeros(2, 4)), torch.tensor([[0.125 / 4, 2.5 / 4]]))
    sure = localization.foreground_loss(torch.tensor([[20.0, -2.0]]), torch.tensor([[-20.0, 0.0]]))
    assert torch.allclose(sure, torch.tensor([[0.0, (math.log(1 + math.exp(2)) + math.log(2)) / 2]]), atol=1e-6)
    # Stride 4, 4 x 4 locations with centers at 2, 6, 10, 14. The middle of the box from 4 to 16 is 7 to 13: one center.
    logits = torch.full((1, 4, 4), -3.0)
    logits[0, 2, 2] = 3.0
    box = torch.tensor([[4.0, 4.0, 16.0, 16.0]])
    right = math.log(1 + math.exp(-3))
    assert localization.objectness_loss(logits, box, 4).item() == pytest.approx(right, rel=1e-5)
    assert localization.objectness_loss(-logits, box, 4).item() == pytest.approx(right + 3, rel=1e-5)


@pytest.mark.parametrize("share", [1.0, 0.2])
@pytest.mark.parametrize("contrast", [{}, END_TO_END])
def test_the_loss_is_that_of_contrast_plus_those_of_the_tasks(contrast: dict[str, Any], share: float) -> None:
    ours, data = method(0.5, share, **contrast), batch()
    ours.on_first_batch(data)
    output = ours(data)
    tasks = sum(float(output.stats[f"{task}/{level}"]) for task in localization.TASKS for level in ours.levels)
    alone = sum(float(output.stats[f"loss/{level}"]) for level in ours.levels)
    assert float(output.loss.detach()) == pytest.approx(share * alone + 0.5 * tasks, rel=1e-5)


def test_without_contrast_only_the_trunk_and_the_predictors_learn() -> None:
    ours = method(1.0, 0.0, **END_TO_END)
    ours(batch()).loss.backward()
    assert all(not parameter.grad.any() for parameter in ours.query.projection.parameters())
    assert ours.query.box_predictor.weight.grad.any()
    with pytest.raises(InputError, match="leaves nothing to learn"):
        method(0.0, 0.0)


def test_both_encoders_agree_on_the_embeddings_of_the_same_boxes() -> None:
    """Localization only adds columns; without BatchNorm over the background boxes the embeddings are the plain ones."""
    ours, data = method(**END_TO_END).eval(), batch()
    pixels = ours.pixels(data.query_images)
    found = ours.query(pixels, data.query_boxes)
    assert found.shape == (4, B, 16 + 3)
    assert torch.allclose(found[..., :16], ours.query(pixels, data.query_boxes[:, :4]), atol=1e-6)
    assert (found[..., 16:] > 0).all()
    with torch.no_grad():
        assert not ours.query(pixels, data.query_boxes)[..., 16:].any()


def test_losses_of_an_encoder_are_those_of_its_parts() -> None:
    torch.manual_seed(0)
    encoder, data = LocatingEncoder(MODEL).eval(), batch()
    pixels = torch.rand(B, 3, S, S)
    jittered, pasted, background = data.query_boxes.split(4, dim=1)
    losses = encoder(pixels, data.query_boxes)[..., 16:]
    maps = encoder.features(pixels)
    objects, others = encoder.box_features(maps, jittered), encoder.box_features(maps, background)
    offsets = F.smooth_l1_loss(
        encoder.box_predictor(objects[1]), localization.box_targets(jittered, pasted), reduction="none"
    )
    assert torch.allclose(losses[1, :, 0], offsets.mean(1), atol=1e-5)
    logits = torch.cat([encoder.foreground(objects[2]), encoder.foreground(others[2])], dim=1)
    wanted = torch.tensor([1.0, 0.0]).expand_as(logits)
    right = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(1)
    assert torch.allclose(losses[2, :, 1], right, atol=1e-5)
    assert torch.allclose(
        losses[3, :, 2], localization.objectness_loss(encoder.objectness(maps[3])[:, 0], pasted, 32), atol=1e-5
    )


def test_groups_of_batchnorm_contain_objects_and_backgrounds() -> None:
    """A group's boxes of both kinds are normalized together: two groups in one pass equal two passes."""
    torch.manual_seed(0)
    encoder, data = LocatingEncoder(MODEL).train(), batch()
    pixels = torch.rand(B, 3, S, S)
    both = encoder(pixels, data.query_boxes, 2)
    halves = [encoder(pixels[part], data.query_boxes[part]) for part in (slice(0, 4), slice(4, 8))]
    assert torch.allclose(both, torch.cat(halves, dim=1), atol=1e-4)


def test_momentum_keys_are_normalized_as_the_queries_are() -> None:
    """Equal weights embed the same view alike, in training mode: both normalize with the background boxes too."""
    ours, data = method(), batch()
    pixels = ours.pixels(data.query_images)
    queries = ours.query(pixels, data.query_boxes, 2)[..., :16]
    with torch.no_grad():
        keys = ours.key(pixels, data.query_boxes, 2)[..., :16]
        without = ours.key(pixels, data.query_boxes[:, :4], 2)
    assert torch.equal(queries, keys)
    assert not torch.allclose(queries, without, atol=1e-2)


@pytest.mark.parametrize("contrast", [{}, END_TO_END])
def test_it_learns_to_find_the_object(contrast: dict[str, Any]) -> None:
    ours, data = method(**contrast), batch()
    bright = torch.zeros(B, S, S, 3, dtype=torch.uint8)
    for i, (x1, y1, x2, y2) in enumerate(data.query_boxes[:, 4:8].round().int().tolist()):
        bright[i, y1:y2, x1:x2] = 255
    data = data._replace(query_images=bright)
    ours.on_first_batch(data)
    optimizer = torch.optim.SGD(ours.query.parameters(), lr=0.02, momentum=0.9)
    found = []
    for _ in range(30):
        output = ours(data)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        ours.on_step_end()
        found.append(float(output.stats["foreground/P2"]))
    assert found[-1] < 0.6 * found[0]


def test_only_the_trunk_is_exported() -> None:
    assert set(method().exports()) == {"backbone", "fpn", "box_head"}
    assert set(method().key_exports()) == {"backbone", "fpn", "box_head"}
    assert method(**END_TO_END).key_exports() == {}


@pytest.mark.parametrize(
    ("version", "weight", "contrast_weight", "contrast", "warns"),
    [
        (1, 1.0, 1.0, {}, True),
        (2, 1.0, 1.0, {}, False),
        (1, 0.0, 1.0, {}, False),
        (1, 1.0, 0.0, {}, False),  # keys without a loss
        (1, 1.0, 1.0, END_TO_END, False),
    ],
)
def test_a_state_from_before_keys_were_normalized_with_backgrounds_is_told(
    version: int, weight: float, contrast_weight: float, contrast: dict[str, Any], warns: bool, tmp_path: Path
) -> None:
    ours = method(weight, contrast_weight, **contrast)
    assert ours.load_warnings() == []  # a new run
    state: Any = ours.state_dict()
    assert state._metadata[""]["version"] == 2
    state._metadata[""]["version"] = version
    torch.save({"method": state}, tmp_path / "step.pt")
    ours.load_state_dict(torch.load(tmp_path / "step.pt", weights_only=True)["method"])
    assert [("without the background boxes" in text) for text in ours.load_warnings()] == [True] * warns
