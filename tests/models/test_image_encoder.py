from __future__ import annotations

import pytest
import torch
from torch import nn

from codo.core.errors import InputError
from codo.models.encoder import ModelSettings
from codo.models.image_encoder import ImageEncoder
from tests.methods.compiling import Counted

SETTINGS = ModelSettings(backbone="resnet18", width=0.125)


def encoder() -> ImageEncoder:
    torch.manual_seed(0)
    return ImageEncoder(SETTINGS, lambda channels: nn.Linear(channels, 12))


def images(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_one_embedding_of_length_one_an_image() -> None:
    embedded = encoder()(images())
    assert embedded.shape == (1, 4, 12)
    assert torch.allclose(embedded.norm(dim=-1), torch.ones(1, 4))


def test_is_the_projected_mean_of_the_last_map() -> None:
    model = encoder().eval()
    mean = model.backbone(images())[-1].mean(dim=(2, 3))
    assert torch.equal(model.pool(images()), mean)
    assert torch.equal(model.project(images()), model.projection(mean))
    expected = nn.functional.normalize(model.projection(mean), dim=-1)
    assert torch.allclose(model(images())[0], expected)


def test_boxes_make_no_difference() -> None:
    model = encoder().eval()
    boxes = torch.tensor([[0.0, 0, 10, 10]] * 4)
    assert torch.equal(model(images(), boxes), model(images()))


def test_groups_have_batch_statistics_of_their_own() -> None:
    model = encoder()
    together = model.by_groups(images(), 2)
    assert torch.allclose(together, torch.cat([model.project(part) for part in images().chunk(2)]), atol=1e-6)
    assert not torch.allclose(together, model.project(images()), atol=1e-3)
    with pytest.raises(InputError, match="4 images do not divide into 3 groups"):
        model(images(), groups=3)


@pytest.mark.usefixtures("one_thread")
def test_groups_reuse_one_graph_and_each_way_through_is_compiled() -> None:
    model, plain, counted = encoder().eval(), encoder().eval(), Counted()
    model.compile(backend=counted)
    for size in (4, 2):  # the first size, and one for any size
        model.by_groups(images(2 * size), 2)
    graphs, calls = counted.graphs, counted.calls
    assert torch.allclose(model(images(8), groups=4), plain(images(8)), atol=1e-6)
    assert (counted.graphs, counted.calls) == (graphs, calls + 4)
    assert torch.allclose(model.pool(images()), plain.pool(images()), atol=1e-6)
    assert torch.allclose(model.project(images()), plain.project(images()), atol=1e-6)
    assert counted.calls == calls + 6


def test_half_precision_embeddings_have_length_one_in_float32() -> None:
    model = encoder().eval()
    with torch.autocast("cpu", torch.bfloat16):
        embedded = model(images())
    assert embedded.dtype == torch.float32
    assert torch.allclose(embedded.norm(dim=-1), torch.ones(1, 4), atol=1e-6)


def test_weights_are_those_that_the_settings_name() -> None:
    assert encoder().load_report is None
    with pytest.raises(InputError, match="no such weight file"):
        ImageEncoder(SETTINGS.model_copy(update={"init": "/nowhere.pth"}), nn.Identity)  # type: ignore[arg-type]
