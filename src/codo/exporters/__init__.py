"""Export of a pretrained trunk (backbone, FPN, box head): files for other libraries, and a PyTorch module.

* ``load_trunk``: `load_trunk` and the module `Trunk`: pyramid maps and box features from any CoDo run or file.
* ``trunk``: `TrunkWeights`: the exported tensors with the settings of backbone, FPN and box head.
* ``target``: `Target`, the base class of all export formats; converts tensor names to a layout.
* ``torchvision``: Faster and Mask R-CNN; builds these detectors around any CoDo trunk.
* ``one_stage``: torchvision's RetinaNet and FCOS; ``folding``: folds BatchNorm into convolutions, for their pyramid.
* ``detectron2``, ``mmdet``: weights and, in ``*_config``, configurations; ``named``: verifies both by tensor names;
  ``keys``: tensor names and shapes of the libraries' own models.
* ``resnet``, ``timm``: the backbone alone.
* ``safetensors``: the trunk with its own names, settings in the header; ``hub``: the same as a folder for a model hub.
* ``write``: `export`: read, write, verify, then move all files into place; ``verify``: the check; ``card``: the page
  next to the weights; ``origin``: the page's facts about the run.

``models.load_report`` reports which tensors matched.
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
