"""Numbers that cannot be calculated: measured with the command given, or read elsewhere (``costs.yaml``).

::

    name:
      value: 3.1
      kind: measured       # here; or read (elsewhere), or target (to be reached, nobody has shown it yet)
      source: where the number comes from: machine and command, or publication
      date: 2026-11-27
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import Field

from codo.config import Settings


class Cost(Settings):
    """One number and where it comes from."""

    value: float = Field(gt=0)
    kind: Literal["measured", "read", "target"]
    source: str = Field(min_length=10)
    date: date


class Costs(Settings):
    """All of them."""

    gpu_flops: Cost = Field(description="bf16 operations a second that large products reach on an H100")
    gpu_bandwidth: Cost = Field(description="bytes a second that its memory reaches")
    gpu_memory: Cost = Field(description="bytes of its memory")
    efficiency: Cost = Field(description="share of the roofline that a step reaches")
    link_bandwidth: Cost = Field(description="bytes a second from one GPU to others of its node")
    network_bandwidth: Cost = Field(description="bytes a second from one GPU to other nodes")
    images: Cost = Field(description="images, where neither a catalog nor images= tells")
    views_1: Cost = Field(description="core-seconds: one view of a sample from a packed catalog")
    views_2: Cost = Field(description="core-seconds: two views of the same sample")
    views_4: Cost = Field(description="core-seconds: four views of the same sample")
    foreground_bytes: Cost = Field(description="bytes of an image packed at a short side of 320")
    background_bytes: Cost = Field(description="bytes of an image packed at a short side of 256")
    original_bytes: Cost = Field(description="bytes of an original image")
    proposals: Cost = Field(description="core-seconds of an image in codo prepare")

    def views(self, count: int) -> float:
        """Core-seconds of ``count`` views of one sample: straight lines through what was measured."""
        one, two, four = self.views_1.value, self.views_2.value, self.views_4.value
        if count <= 2:
            return one + (count - 1) * (two - one)
        return two + (count - 2) * (four - two) / 2


@cache
def costs() -> Costs:
    """What is shipped."""
    text = (resources.files("codo.planning") / "costs.yaml").read_text(encoding="utf-8")
    return Costs.model_validate(yaml.safe_load(text))
