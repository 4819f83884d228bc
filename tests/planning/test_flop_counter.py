"""Operations, bytes and memory: by hand on single operators, and against docs/performance.md#floor-of-the-step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from codo.core.errors import InputError
from codo.methods.registry import METHODS, find_method
from codo.models.encoder import Encoder, ModelSettings
from codo.planning.flop_counter import Operations, Step, count_step, saved
from codo.training.pretrain_settings import PretrainSettings
from tests.training.tiny import MODEL


def settings(**changes: Any) -> PretrainSettings:
    values = {"foregrounds": "-", "out": "-", "backgrounds": ["-"], "steps": 1, "batch_size": 4, **changes}
    return PretrainSettings.model_validate(values)


def test_a_product_by_hand() -> None:
    a, b = torch.ones(2, 3), torch.ones(3, 4)
    with Operations() as operations:
        (a @ b).view(8)  # a view moves nothing
    assert operations.each == [(2 * 2 * 3 * 4, 4 * (6 + 12 + 8))]
    assert operations.flops == 48
    assert operations.seconds(flops=1, bandwidth=1e9) == 48
    assert operations.seconds(flops=1e9, bandwidth=1) == 104


@pytest.mark.parametrize("layer", [nn.Conv2d, nn.ConvTranspose2d])
@pytest.mark.parametrize("groups", [1, 4, 32])
@pytest.mark.parametrize(("input_too", "passes"), [(True, 2), (False, 1)])
def test_gradients_of_a_convolution_take_what_it_takes_each(
    layer: type[nn.Module], groups: int, input_too: bool, passes: int
) -> None:
    convolution = layer(32, 64, 3, stride=2, padding=1, groups=groups, bias=False)
    images = torch.randn(2, 32, 8, 8, requires_grad=input_too)
    with Operations() as forward:
        maps = convolution(images)
    positions = 4 * 4 if layer is nn.Conv2d else 8 * 8  # at which the weights are applied
    assert forward.flops == 2 * 2 * positions * 32 * 64 * 9 / groups
    with Operations() as backward:
        maps.backward(torch.ones_like(maps))
    assert backward.flops == passes * forward.flops


def test_an_operator_takes_the_longer_of_computing_and_moving() -> None:
    operations = Operations()
    operations.each = [(10, 1), (1, 10)]
    assert operations.seconds(flops=2, bandwidth=5) == 5 + 2


def test_what_is_kept_for_the_backward_pass_by_hand() -> None:
    layer = nn.Linear(3, 4)
    x, kept = torch.randn(2, 3), dict[int, int]()
    with saved(kept, layer):
        hidden = layer(x).relu()
        hidden.sum().backward()
    assert sorted(kept.values()) == [4 * 6, 4 * 8]  # the input, for the weight's gradient, and what relu let through


@pytest.fixture(scope="module")
def resnet50() -> Step:
    """CoDo as the paper has it, two views, four samples on this GPU."""
    return count_step(settings(), 4)


def test_two_views_take_59_gflop_a_sample(resnet50: Step) -> None:
    contrast = 0.13  # GFLOP for the logits, which docs/performance.md#floor-of-the-step counts beside it
    assert resnet50.operations.flops / 4 / 1e9 == pytest.approx(59.4 + contrast, rel=0.005)


def test_a_frozen_backbone_needs_neither_gradients_nor_activations_nor_a_copy(resnet50: Step) -> None:
    """ResNet-50 has 23.508 M parameters; of each: gradient, momentum and the copy in the key encoder are saved."""
    freeze = {"init": "imagenet", "freeze": ["backbone"]}
    frozen = count_step(settings(model=freeze), 4)
    assert resnet50.trained - frozen.trained == 23_508_032
    statistics = 2 * 26_560 * 4 + 53 * 8  # of the copy's 53 BatchNorm layers: means, variances, counters
    assert resnet50.weights - frozen.weights == 3 * 4 * 23_508_032 + statistics
    assert frozen.saved < 0.3 * resnet50.saved
    # Backward passes of the backbone are twice its 8.2 GFLOP; the pyramid needs no gradient of its input either.
    assert (resnet50.operations.flops - frozen.operations.flops) / 4 / 1e9 == pytest.approx(2 * 8.18 + 0.5, rel=0.05)


def test_parts_that_are_trained_later_count_as_trained() -> None:
    small, frozen = {**MODEL, "init": "imagenet", "width": 1.0}, {"freeze": ["backbone"], "unfreeze_at": 100}
    steps = [count_step(settings(model=model, canvas=32), 2) for model in (small, {**small, **frozen})]
    assert steps[0].trained == steps[1].trained
    assert steps[0].weights == steps[1].weights


def test_an_image_takes_14_9_gflop_forward() -> None:
    with torch.device("meta"):
        encoder = Encoder(ModelSettings())
        images = torch.empty(1, 3, 224, 224)
    counts = []
    for part in (encoder.backbone, encoder.features):
        with Operations() as operations, torch.no_grad():
            part(images)
        counts.append(operations.flops / 1e9)
    with Operations() as operations, torch.no_grad():
        encoder.projection(encoder.box_head(torch.empty(4, 256, 7, 7, device="meta")))
    head = operations.flops / 1e9
    assert counts == [pytest.approx(8.17, abs=0.01), pytest.approx(13.86, abs=0.01)]
    assert counts[1] + head == pytest.approx(14.90, abs=0.01)  # RoIAlign's products add less than 0.01


def test_activations_take_51_mb_an_image(resnet50: Step) -> None:
    weights = 2 * resnet50.trained  # in bfloat16, kept too
    assert (resnet50.saved - weights) / 4 / 1e6 == pytest.approx(51, rel=0.05)


def test_weights_by_hand(resnet50: Step) -> None:
    networks, gradients_and_momentum = 2 * 4 * resnet50.trained, 2 * 4 * resnet50.trained
    queue = 4 * 65536 * 128 * 4
    statistics = resnet50.weights - networks - gradients_and_momentum - queue
    assert 0 < statistics < 2e6  # BatchNorm's
    assert resnet50.memory == resnet50.weights + resnet50.saved


ONE_VIEW = ("supervised", "instdisc", "rotation", "colorization", "inpainting", "context", "jigsaw")


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("soco", "orl")])
def test_every_method_is_counted(method: str) -> None:
    pasted = {} if find_method(method).needs_backgrounds else {"backgrounds": []}
    model = {**MODEL, "embedding_dim": 8}
    options = {"hidden": 8} if "hidden" in find_method(method).Options.model_fields else {}
    step = count_step(settings(method=method, model=model, canvas=64, options=options, **pasted), 4)
    assert step.operations.flops > 0
    assert step.views == {"swav": 8}.get(method, 1 if method in ONE_VIEW else 2)
    assert step.levels == len(getattr(find_method(method), "levels", ()))
    assert step.whole_loss is (method != "simclr")


def test_more_views_add_forward_passes_of_the_key_encoder() -> None:
    two, four = (count_step(settings(model=MODEL, canvas=64, views=views), 4).operations.flops for views in (2, 4))
    encoder = Encoder(ModelSettings.model_validate(MODEL))
    with Operations() as operations, torch.no_grad():
        encoder(torch.zeros(4, 3, 64, 64), torch.tensor([[8.0, 8, 40, 40]] * 4))
    assert (four - two) / 2 == pytest.approx(operations.flops, rel=0.01)  # the products with keys come on top


def test_the_memory_of_every_image_is_counted() -> None:
    given = {"method": "instdisc", "model": MODEL, "canvas": 64, "backgrounds": []}
    few, many = (count_step(settings(**given), 4, images=images).weights for images in (1000, 501_000))
    assert many - few == 500_000 * settings(**given).model.embedding_dim * 4


def test_float32_keeps_nearly_twice_the_activations() -> None:
    """Pooled boxes, embeddings and losses are float32 in both."""
    given = {"model": MODEL, "canvas": 64, "contrast": {"queue": 4, "bn_groups": 0}}
    half, single = (count_step(settings(**given, precision=precision), 16) for precision in ("auto", "fp32"))
    weights = 2 * half.trained  # copies in bfloat16 are kept too; float32 ones are those of the network
    assert 1.7 < single.saved / (half.saved - weights) < 2
    assert 1.5 < sum(moved for _, moved in single.operations.each) / sum(moved for _, moved in half.operations.each) < 2
    assert single.weights == half.weights
    assert single.operations.flops == pytest.approx(half.operations.flops)


@pytest.mark.parametrize(
    ("method", "given", "numbers"),
    [
        ("codo", {}, 4 * 8),  # levels x embedding
        ("codo", {"views": 4}, 3 * 4 * 8),
        ("codo", {"localization": 1.0}, 4 * (8 + 3)),  # the losses of three tasks beside each embedding
        ("codo", {"contrast": {"negatives": "batch", "symmetric": True}}, 2 * 4 * 8),
        ("codo", {"contrast": {"negatives": "batch", "keys": "end_to_end"}}, 2 * 4 * 8),  # of queries too
        ("moco_v2", {}, 8),
        ("densecl", {}, 2 * 8 + 4 * (8 + 64)),  # image and mean; 2 x 2 cells with embedding and features
        ("detco", {}, 8 * 8),
        ("simsiam", {}, 0),
    ],
)
def test_what_a_sample_adds_to_the_gathered_embeddings(method: str, given: dict[str, Any], numbers: int) -> None:
    pasted = {} if find_method(method).needs_backgrounds else {"backgrounds": []}
    values = {"method": method, "model": {**MODEL, "embedding_dim": 8}, "canvas": 64, **pasted, **given}
    assert count_step(settings(**values), 4).gathered == 4 * 4 * numbers


def test_negatives_of_the_batch_need_no_queue() -> None:
    given = {"model": {**MODEL, "projection_norm": "bn"}, "canvas": 64}
    contrast = {"momentum": "auto", "queue": 4096}
    queue, one, both = (
        count_step(settings(**given, contrast={**contrast, **negatives}), 4)
        for negatives in ({}, {"negatives": "batch"}, {"negatives": "batch", "symmetric": True})
    )
    assert queue.weights - one.weights == pytest.approx(4 * 4096 * MODEL["embedding_dim"] * 4, abs=64)
    assert both.weights == one.weights
    assert both.operations.flops == pytest.approx(2 * one.operations.flops, rel=0.01)


OWN = """
from codo.methods.codo import CoDo


class Picky(CoDo):
    def forward(self, batch):
        batch.key_boxes[batch.key_boxes > 3]
        return super().forward(batch)
"""


def test_a_method_that_looks_at_numbers_is_refused(tmp_path: Any) -> None:
    (tmp_path / "own.py").write_text(OWN)
    with pytest.raises(InputError, match="cannot be counted"):
        count_step(settings(method=f"{tmp_path / 'own.py'}:Picky", model=MODEL, canvas=64), 4)


@pytest.mark.parametrize(("name", "why"), [("soco", "depends on pixel values"), ("orl", "depend on all images")])
def test_what_cannot_be_counted_says_so(name: str, why: str) -> None:
    own = settings(method=name, backgrounds=[], canvas=64, model={**MODEL, "embedding_dim": 8}, options={"hidden": 8})
    with pytest.raises(InputError, match=f"a step of {name} cannot be counted: .*{why}"):
        count_step(own, 4)
