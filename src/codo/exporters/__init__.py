"""The pretrained trunk of a run as a file for other tools, one file per target; and as a module in Python.

* ``load_trunk``: `load_trunk` and `Trunk`, the module: pyramid maps and box features of any of our files.
* ``trunk``: `TrunkWeights`, what is exported: backbone, FPN and box head with the settings they were built from.
* ``target``: what every target can do, and how a trunk gets the names of a layout.
* ``torchvision``: torchvision's Faster and Mask R-CNN; builds these detectors around any of our trunks.
* ``one_stage``: torchvision's RetinaNet and FCOS; ``folding``: BatchNorm into convolutions, for their pyramid.
* ``detectron2``, ``mmdet``: weights and, in ``*_config``, configurations; ``named``: how both are checked by name;
  ``keys``: names and shapes of the real models.
* ``resnet``, ``timm``: the backbone alone.
* ``safetensors``: the trunk as it is, with its settings in the header; ``hub``: the same as a folder for a model hub.
* ``write``: `export`: read, write, verify, and only then put the files in their places; ``verify``: the check;
  ``card``: the page beside the weights; ``origin``: what it says of the run.

What matched is reported by ``models.load_report``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.exporters.load_trunk import Trunk as Trunk
    from codo.exporters.load_trunk import load_trunk as load_trunk
    from codo.exporters.one_stage import build_one_stage as build_one_stage
    from codo.exporters.safetensors import read_safetensors as read_safetensors
    from codo.exporters.target import Target as Target
    from codo.exporters.torchvision import build_detector as build_detector
    from codo.exporters.trunk import TrunkWeights as TrunkWeights
    from codo.exporters.trunk import read_trunk as read_trunk
    from codo.exporters.write import TARGETS as TARGETS
    from codo.exporters.write import export as export
    from codo.exporters.write import write_verified as write_verified
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "TARGETS": "write",
            "Target": "target",
            "Trunk": "load_trunk",
            "TrunkWeights": "trunk",
            "build_detector": "torchvision",
            "build_one_stage": "one_stage",
            "export": "write",
            "load_trunk": "load_trunk",
            "read_safetensors": "safetensors",
            "read_trunk": "trunk",
            "write_verified": "write",
        },
    )
