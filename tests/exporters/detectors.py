"""What users do with a torchvision detector, on the smallest images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def train_step(detector: Any, *, masks: bool = False) -> dict[str, Tensor]:
    """One step of SGD on two images; returns what moved, by name."""
    detector.transform.min_size, detector.transform.max_size = (64,), 64
    if hasattr(detector, "roi_heads"):
        detector.roi_heads.fg_bg_sampler.batch_size_per_image = 8  # boxes that the heads learn from; 512 take long
    detector.train()
    truth = {"boxes": torch.tensor([[5.0, 5.0, 40.0, 50.0]]), "labels": torch.tensor([1])}
    if masks:
        truth["masks"] = torch.ones(1, 64, 64, dtype=torch.uint8)
    before = {name: parameter.detach().clone() for name, parameter in detector.named_parameters()}
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(3, 64, 64, generator=generator) for _ in range(2)]
    loss = sum(detector(images, [truth] * 2).values())
    assert torch.isfinite(loss)
    optimizer = torch.optim.SGD(detector.parameters(), lr=1e-3)
    loss.backward()
    optimizer.step()
    return {name: p.detach() for name, p in detector.named_parameters() if not torch.equal(p, before[name])}
