"""Unit costs that cannot be calculated: measured with the given command, or taken from a publication (``costs.yaml``).

::

    name:
      value: 3.1
      kind: measured       # by us; or read (in a publication), or target (a goal, not yet shown to be reached)
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
    """The contents of ``costs.yaml``."""

    gpu_flops: UnitCost = Field(description="bf16 operations per second that large matrix products reach on an H100")
    gpu_flops_fp32: UnitCost = Field(description="float32 operations per second, with convolutions in TF32")
    gpu_bandwidth: UnitCost = Field(description="bytes per second that an H100's memory reaches")
    gpu_memory: UnitCost = Field(description="bytes of an H100's memory")
    efficiency: UnitCost = Field(description="share of the roofline that a step reaches")
    link_bandwidth: UnitCost = Field(description="bytes per second from one GPU to the others of its node")
    network_bandwidth: UnitCost = Field(description="bytes per second from one GPU to other nodes")
    images: UnitCost = Field(description="number of images, if neither a catalog nor images= gives it")
    pasted_1: UnitCost = Field(description="core-seconds: one pasted view of a sample from packed catalogs")
    pasted_2: UnitCost = Field(description="core-seconds: two pasted views of the same sample")
    pasted_4: UnitCost = Field(description="core-seconds: four pasted views of the same sample")
    crop_1: UnitCost = Field(description="core-seconds: one crop of an image from a packed catalog")
    crop_2: UnitCost = Field(description="core-seconds: two crops of the same image")
    foreground_bytes: UnitCost = Field(description="bytes of an image packed at a short side of 320")
    background_bytes: UnitCost = Field(description="bytes of an image packed at a short side of 256")
    original_bytes: UnitCost = Field(description="bytes of an original image")
    proposals: UnitCost = Field(description="core-seconds per image in codo prepare")
    saliency: UnitCost = Field(description="core-seconds per image before the first step of method=dilo")

    def pasted(self, views: int) -> float:
        """Core-seconds of the pasted views of one sample: linear interpolation of the measurements."""
        one, two, four = self.pasted_1.value, self.pasted_2.value, self.pasted_4.value
        if views <= 2:
            return one + (views - 1) * (two - one)
        return two + (views - 2) * (four - two) / 2

    def crops(self, views: int) -> float:
        """Core-seconds of the crops of one image, at 224 pixels; smaller crops are counted as if they had that size."""
        one, two = self.crop_1.value, self.crop_2.value
        return one + (views - 1) * (two - one)


@cache
def unit_costs() -> UnitCosts:
    """The unit costs in the package's ``costs.yaml``."""
    text = (resources.files("codo.planning") / "costs.yaml").read_text(encoding="utf-8")
    return UnitCosts.model_validate(yaml.safe_load(text))
