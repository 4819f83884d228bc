"""Frozen parts: what stays as it is to the last bit, what is computed once, and what follows when they are trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn

from codo.contrast.bn_groups import permutation
from codo.contrast.infonce import ContrastSettings
from codo.loading.crop_dataset import CropBatch
from codo.loading.object_crops import ObjectBatch
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import Method, Setup
from codo.methods.freezing import compile_frozen, freeze, frozen_parameters, unfreeze
from codo.methods.registry import METHODS, build_method, find_method, own_settings
from codo.models.encoder import ModelSettings
from tests.compiler import needs_compiler

B, S, M = 8, 32, 0.9
MODEL = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=8, head="1conv1fc", head_dim=16, embedding_dim=8)
SYMMETRIC = {"negatives": "batch", "symmetric": True}
SMALL: dict[str, dict[str, Any]] = {
    "byol": {"hidden": 8},
    "soco": {"hidden": 8},
    "orl": {"hidden": 8},
    "self_emd": {"hidden": 8},
    "swav": {"hidden": 8, "prototypes": 4},
    "barlow_twins": {"hidden": 8},
    "simsiam": {"hidden": 8, "bottleneck": 4},
    "colorization": {"width": 8},
    "inpainting": {"width": 16},
    "context": {"hidden": 8, "joined": 8},
    "jigsaw": {"hidden": 8, "joined": 8, "permutations": 4},
}
pytestmark = pytest.mark.usefixtures("one_thread")


def method(name: str = "codo", **contrast: Any) -> Any:
    """A method with statistics unlike those of a new network."""
    torch.manual_seed(0)
    settings = ContrastSettings.model_validate({"bn_groups": 2, "queue": 16, "momentum": M, **contrast})
    options = own_settings(find_method(name), SMALL.get(name, {}))
    made = build_method(name, Setup(MODEL, settings, options, batch_size=B, classes=3)).train()
    for part, module in made.exports().items():
        draw_statistics(module)
        if part in made.key_exports():
            made.key_exports()[part].load_state_dict(module.state_dict())
    return made


def draw_statistics(module: nn.Module) -> None:
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.uniform_(-0.2, 0.2)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)


def batch(step: int = 0) -> ViewBatch:
    generator = torch.Generator().manual_seed(step)
    images = torch.randint(0, 256, (2, B, S, S, 3), dtype=torch.uint8, generator=generator)
    low = 12 * torch.rand(2, B, 2, generator=generator)
    boxes = torch.cat([low, low + 8 + 12 * torch.rand(2, B, 2, generator=generator)], dim=2)
    order = torch.from_numpy(permutation(0, step, B))
    return ViewBatch(images[0], boxes[0], images[1:, order], boxes[1:, order], order, step)


def train(made: Any, steps: int = 2, start: int = 0) -> list[float]:
    """Steps as the loop does them, with SGD of all parameters that have a gradient."""
    optimizer = torch.optim.SGD([*made.parameters()], lr=0.05, momentum=0.9)
    losses = []
    for step in range(start, start + steps):
        output = made.train()(batch(step))
        output.loss.backward()
        optimizer.step()
        assert all(parameter.grad is None for parameter in frozen_parameters(made))
        optimizer.zero_grad()
        made.on_step_end()
        losses.append(float(output.loss.detach()))
    return losses


@contextmanager
def calls(module: nn.Module) -> Iterator[list[int]]:
    """Number of images of each forward pass of a module."""
    found: list[int] = []
    hook = module.register_forward_hook(lambda _, inputs, __: found.append(len(inputs[0])))
    yield found
    hook.remove()


@pytest.mark.parametrize("parts", [("backbone",), ("backbone", "fpn")], ids="+".join)
def test_frozen_parts_stay_as_they_are_and_the_others_learn(parts: tuple[str, ...]) -> None:
    made = method()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    freeze(made, parts)
    train(made)
    frozen = tuple(f"{network}.{part}." for network in ("query", "key") for part in parts)
    after = made.state_dict()
    assert after.keys() == before.keys()  # as many as without: a checkpoint can be read either way
    for name, value in after.items():
        if name.startswith(frozen):  # weights, running statistics and their counters
            assert torch.equal(value, before[name]), name
        elif value.is_floating_point():
            assert not torch.equal(value, before[name]), name
    assert made.key.backbone is made.query.backbone
    assert (made.key.fpn is made.query.fpn) == ("fpn" in parts)
    assert not any(norm.training for part in parts for norm in made.exports()[part].modules())


def test_autograd_records_nothing_of_a_frozen_backbone() -> None:
    made = method()
    freeze(made, ["backbone"])
    pixels = made.pixels(batch().query_images)
    assert all(level.grad_fn is None for level in made.query.backbone(pixels))
    assert all(level.grad_fn is not None for level in made.query.features(pixels))


def test_the_loss_is_that_of_two_backbones_in_evaluation_mode() -> None:
    ours, plain = method(**SYMMETRIC), method(**SYMMETRIC)
    freeze(ours, ["backbone"])
    for encoder in (plain.query, plain.key):
        encoder.backbone.eval()
    assert torch.equal(ours(batch()).loss, plain(batch()).loss)
    assert not torch.equal(ours(batch()).loss, method(**SYMMETRIC)(batch()).loss)


@pytest.mark.parametrize("name", ["codo", "insloc", "moco_v2"])
def test_both_encoders_use_the_maps_of_a_view(name: str) -> None:
    data = batch()
    if name == "insloc":
        boxes = [torch.cat([one, one], dim=-1) for one in (data.query_boxes, data.key_boxes)]
        data = data._replace(query_boxes=boxes[0], key_boxes=boxes[1])
    made = method(name, **SYMMETRIC)
    with calls(made.query.backbone) as query, calls(made.key.backbone) as key:
        made(data)
    assert (sum(query), sum(key)) == (2 * B, 2 * B)
    freeze(made, ["backbone"])
    with calls(made.query.backbone) as query:
        made(data)
    assert query == [B, B]  # each view once, for all BatchNorm groups


def test_a_frozen_pyramid_is_computed_once_as_well() -> None:
    made = method(**SYMMETRIC)
    freeze(made, ["backbone", "fpn"])
    passes: list[None] = []
    made.query.fpn.register_forward_hook(lambda *_: passes.append(None))
    loss = made(batch()).loss
    assert len(passes) == 2
    loss.backward()
    assert all(parameter.grad is not None for parameter in made.query.box_head.parameters())


@pytest.mark.parametrize("name", ["byol", "self_emd", "soco"])
def test_online_and_target_network_use_the_maps_of_a_view(name: str) -> None:
    made, data = method(name), batch()
    views = (data.query_images, data.key_images[0])
    crops: Any = CropBatch(views, torch.zeros(B), 0)
    if name == "soco":
        boxes = data.query_boxes[:, None]
        crops = ObjectBatch((*views, data.query_images), (boxes, boxes, boxes), 0)
    freeze(made, ["backbone"])
    with calls(made.encoder.backbone) as found:
        loss = made(crops).loss
    assert found == [B] * len(crops.views)
    loss.backward()
    assert all(parameter.grad is not None for parameter in made.encoder.projection.parameters())


def test_from_unfreezing_on_all_learn_and_the_key_encoder_follows() -> None:
    made = method()
    freeze(made, ["backbone"])
    train(made)
    unfreeze(made)
    query, key = made.query.backbone, made.key.backbone
    assert not made.frozen_parts
    assert key is not query
    assert query.bn1.training
    assert key.bn1.training
    before = [parameter.detach().clone() for parameter in key.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, query.parameters(), strict=True))
    assert not any(parameter.requires_grad for parameter in key.parameters())
    train(made, 1, start=2)
    for was, slow, fast in zip(before, key.parameters(), query.parameters(), strict=True):
        assert not torch.equal(fast, was)
        assert torch.allclose(slow, M * was + (1 - M) * fast, rtol=0, atol=1e-6)


def test_never_frozen_and_unfrozen_at_once_are_the_same() -> None:
    ours, plain = method(), method()
    freeze(ours, ["backbone", "fpn"])
    unfreeze(ours)
    assert train(ours) == train(plain)
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), plain.state_dict().values(), strict=True))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_frozen_and_unfrozen(name: str) -> None:
    made: Method = method(name)
    trained = [parameter for parameter in made.parameters() if parameter.requires_grad]
    names = list(made.state_dict())
    freeze(made, ["backbone"])
    left = [parameter for parameter in made.parameters() if parameter.requires_grad]
    frozen = {id(parameter) for parameter in frozen_parameters(made)}
    assert 0 < len(left) < len(trained)
    assert [id(p) for p in trained] == [id(p) for p in made.parameters() if p.requires_grad or id(p) in frozen]
    momentum = made.key_exports().get("backbone")
    assert momentum in (None, made.exports()["backbone"])
    assert not made.exports()["backbone"].training
    made.eval().train()
    assert not any(module.training for module in made.exports()["backbone"].modules())
    unfreeze(made)
    assert list(made.state_dict()) == names
    assert [id(p) for p in trained] == [id(p) for p in made.parameters() if p.requires_grad]
    assert (made.key_exports().get("backbone") is made.exports()["backbone"]) is False


def test_compiled_encoders_take_frozen_maps_and_are_trained_after_unfreezing() -> None:
    """``compile=true``: the graph of the frozen step is not used for the step after it, which needs other gradients."""
    plain, compiled = (method(**SYMMETRIC) for _ in range(2))
    compiled.query.compile(backend="eager", fullgraph=True)
    losses = []
    for made in (plain, compiled):
        freeze(made, ["backbone", "fpn"])
        frozen = train(made, 1)
        unfreeze(made)
        losses.append(frozen + train(made, 1, start=1))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    first, second = (dict(made.named_parameters()) for made in (plain, compiled))
    for name in ("query.backbone.conv1.weight", "query.fpn.inner_blocks.0.0.weight", "query.projection.0.weight"):
        assert torch.allclose(first[name], second[name], atol=1e-5)
        assert not torch.equal(first[name], dict(method(**SYMMETRIC).named_parameters())[name])


@needs_compiler
@pytest.mark.parametrize("parts", [("backbone",), ("backbone", "fpn")], ids="+".join)
def test_compiled_frozen_parts_compute_the_same_until_they_are_trained(parts: tuple[str, ...]) -> None:
    plain, compiled = (method(**SYMMETRIC) for _ in range(2))
    losses = []
    for made in (plain, compiled):
        freeze(made, parts)
        if made is compiled:
            compile_frozen(made)
        made.on_first_batch(batch())
        frozen = train(made, 2)
        unfreeze(made)
        losses.append(frozen + train(made, 2, start=2))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert list(plain.state_dict()) == list(compiled.state_dict())
    for (name, one), other in zip(plain.named_parameters(), compiled.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4), name
        assert other.requires_grad or name.startswith("key"), name
