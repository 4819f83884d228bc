"""Numbers that cannot be calculated: measured with the command given, or read elsewhere (``costs.yaml``).

::

    name:
      value: 3.1
      kind: measured       # by us; or read (elsewhere), or target (to be reached, nobody has shown it yet)
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

from codo.core.config import Settings


class UnitCost(Settings):
    """One number and where it comes from."""

    value: float = Field(gt=0)
    kind: Literal["measured", "read", "target"]
    source: str = Field(min_length=10)
    date: date


class UnitCosts(Settings):
    """All of them."""

    gpu_flops: UnitCost = Field(description="bf16 operations a second that large products reach on an H100")
    gpu_bandwidth: UnitCost = Field(description="bytes a second that its memory reaches")
    gpu_memory: UnitCost = Field(description="bytes of its memory")
    efficiency: UnitCost = Field(description="share of the roofline that a step reaches")
    link_bandwidth: UnitCost = Field(description="bytes a second from one GPU to others of its node")
    network_bandwidth: UnitCost = Field(description="bytes a second from one GPU to other nodes")
    images: UnitCost = Field(description="images, where neither a catalog nor images= tells")
    pasted_1: UnitCost = Field(description="core-seconds: one pasted view of a sample from packed catalogs")
    pasted_2: UnitCost = Field(description="core-seconds: two pasted views of the same sample")
    pasted_4: UnitCost = Field(description="core-seconds: four pasted views of the same sample")
    crop_1: UnitCost = Field(description="core-seconds: one crop of an image from a packed catalog")
    crop_2: UnitCost = Field(description="core-seconds: two crops of the same image")
    foreground_bytes: UnitCost = Field(description="bytes of an image packed at a short side of 320")
    background_bytes: UnitCost = Field(description="bytes of an image packed at a short side of 256")
    original_bytes: UnitCost = Field(description="bytes of an original image")
    proposals: UnitCost = Field(description="core-seconds of an image in codo prepare")

    def pasted(self, views: int) -> float:
        """Core-seconds of pasted views of one sample: straight lines through what was measured."""
        one, two, four = self.pasted_1.value, self.pasted_2.value, self.pasted_4.value
        if views <= 2:
            return one + (views - 1) * (two - one)
        return two + (views - 2) * (four - two) / 2

    def crops(self, views: int) -> float:
        """Core-seconds of crops of one image of 224 pixels; smaller ones are counted as if they were as large."""
        one, two = self.crop_1.value, self.crop_2.value
        return one + (views - 1) * (two - one)


@cache
def unit_costs() -> UnitCosts:
    """What is shipped."""
    text = (resources.files("codo.planning") / "costs.yaml").read_text(encoding="utf-8")
    return UnitCosts.model_validate(yaml.safe_load(text))
