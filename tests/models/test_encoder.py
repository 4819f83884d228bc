from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor
from torchvision.ops import roi_align as torchvision_roi_align

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.models.encoder import LEVELS, Encoder, ModelSettings

SLIM = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=16, head="2conv1fc", head_dim=32, embedding_dim=8)


def batch(size: int, canvas: int = 64, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(size, 2, generator=generator) * canvas * 0.4
    sides = canvas * (0.3 + 0.3 * torch.rand(size, 2, generator=generator))
    return torch.randn(size, 3, canvas, canvas, generator=generator), torch.cat([corner, corner + sides], dim=1)


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(SLIM)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet34", "resnet50", "resnet101"])
@pytest.mark.parametrize("head", ["1conv1fc", "2fc"])
def test_shapes_for_all_depths(backbone: str, head: str) -> None:
    settings = ModelSettings(backbone=backbone, width=0.125, fpn_channels=8, head=head, head_dim=16, embedding_dim=4)
    encoder = Encoder(settings)
    images, boxes = batch(2)
    maps = encoder.features(images)
    assert [tuple(m.shape) for m in maps] == [(2, 8, side, side) for side in (16, 8, 4, 2)]
    assert encoder.box_features(maps, boxes).shape == (len(LEVELS), 2, 16)
    embeddings = encoder(images, boxes)
    assert embeddings.shape == (len(LEVELS), 2, 4)
    assert torch.allclose(embeddings.norm(dim=-1), torch.ones(4, 2))


def test_trunk_has_the_names_and_shapes_of_torchvisions_detector() -> None:
    with torch.device("meta"):
        ours = Encoder(ModelSettings()).state_dict()
        theirs = torchvision.models.detection.fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
    prefixes = {"backbone.": "backbone.body.", "fpn.": "backbone.fpn.", "box_head.": "roi_heads.box_head."}
    expected = {n: t.shape for n, t in theirs.state_dict().items() if n.startswith(tuple(prefixes.values()))}
    trunk = {n: t.shape for n, t in ours.items() if not n.startswith("projection.")}
    for ours_prefix, their_prefix in prefixes.items():
        trunk = {
            n.replace(ours_prefix, their_prefix, 1) if n.startswith(ours_prefix) else n: s for n, s in trunk.items()
        }
    assert trunk == expected


def test_levels_and_samples_are_not_mixed_up(encoder: Encoder) -> None:
    encoder.eval()
    images, boxes = batch(3)
    embeddings = encoder(images, boxes)
    maps = encoder.features(images)
    for i in range(3):
        for level, stride in enumerate((4, 8, 16, 32)):
            roi = torch.cat([torch.zeros(1), boxes[i]])[None]
            pooled = torchvision_roi_align(maps[level][i : i + 1], roi, 7, 1 / stride, -1, True)
            alone = encoder.projection(encoder.box_head(pooled))[0]
            assert torch.allclose(embeddings[level, i], alone / alone.norm(), atol=1e-5)


def test_head_statistics_mix_the_levels(encoder: Encoder) -> None:
    images, boxes = batch(2)
    seen: list[tuple[int, ...]] = []
    encoder.box_head.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape)))
    encoder(images, boxes)
    assert seen == [(4 * 2, 16, 7, 7)]


def test_groups_equal_separate_forwards(encoder: Encoder) -> None:
    images, boxes = batch(6)
    together = encoder(images, boxes, groups=3)
    apart = [encoder(images[i : i + 2], boxes[i : i + 2]) for i in (0, 2, 4)]
    assert torch.allclose(together, torch.cat(apart, dim=1), atol=1e-6)  # a convolution may add up in another order
    assert not torch.allclose(together, encoder(images, boxes), atol=1e-3)  # the statistics do matter


def test_groups_must_divide_the_batch(encoder: Encoder) -> None:
    with pytest.raises(InputError, match="5 images do not divide into 2 groups"):
        encoder(*batch(5), groups=2)


def test_embeddings_are_float32_under_autocast(encoder: Encoder) -> None:
    encoder.eval()
    images, boxes = batch(2)
    with torch.autocast("cpu", torch.bfloat16):
        embeddings = encoder(images, boxes)
    assert embeddings.dtype == torch.float32
    assert torch.allclose(embeddings.norm(dim=-1), torch.ones(4, 2), atol=1e-6)
    assert torch.nn.functional.cosine_similarity(embeddings, encoder(images, boxes), dim=-1).min() > 0.99


def test_every_parameter_gets_a_gradient(encoder: Encoder) -> None:
    encoder(*batch(4)).square().sum(dim=1)[..., 0].sum().backward()
    assert [name for name, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().sum()] == []


@pytest.mark.parametrize(
    ("head", "norm", "expected"),
    [("4conv1fc", "auto", True), ("2fc", "auto", False), ("4conv1fc", "none", False), ("2fc", "bn", True)],
)
def test_pyramid_norm(head: str, norm: str, expected: bool) -> None:
    settings = ModelSettings.model_validate({"head": head, "fpn_norm": norm})
    assert settings.pyramid_norm is expected


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"backbone": "resnet51"}, "did you mean 'resnet50'"),
        ({"head": "4con1fc"}, "did you mean '4conv1fc'"),
        ({"width": 0}, "greater than 0"),
        ({"width": 0.5, "init": "imagenet"}, "no ImageNet weights of width 0.5"),
        ({"bakcbone": "resnet50"}, "did you mean 'backbone'"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_built(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(ModelSettings, overrides=overrides)


def test_compiling_takes_one_group_as_the_graph(encoder: Encoder) -> None:
    graphs: list[int] = []

    def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> object:
        graphs.append(sum(node.op == "call_function" for node in graph.graph.nodes))
        return graph.forward

    images, boxes = batch(4)
    encoder.eval()
    expected = encoder(images, boxes)
    encoder.compile(backend=backend, fullgraph=True)
    assert torch.allclose(encoder(images, boxes, groups=2), expected, atol=1e-6)
    assert len(graphs) == 1
