"""The networks of the method: backbone, FPN, RoIAlign, box head and projection (paper, Eq. 3-6).

* ``encoder``: `ModelSettings`, and `Encoder`, which combines the parts; ``image_encoder``: without FPN and box head.
* ``backbone``: torchvision ResNets (any width) and timm models that return the maps of strides 4 to 32.
* ``fpn``: the feature pyramid P2-P5, with or without BatchNorm.
* ``frozen_maps``: maps of frozen parts, computed once for query and key encoder.
* ``roi_align``: RoIAlign for exactly one box per image, as two small matrix products; ``box_levels``: for any number
  of boxes, each pooled from the level that fits its size.
* ``box_head``: the detector's box head, shared by all levels, and the projection to the embedding.
* ``group_norm``: BatchNorm that normalizes parts of a batch separately; ``sync_norm``: by the batch of all processes;
  ``batch_statistics``: BatchNorm statistics of given data.
* ``weights``: recognizes the layout of a weight file and loads it into an encoder (``model.init``, ``weights=``);
  ``key_maps``: names of our tensors in other libraries; ``weight_files``: read tensors from files and runs
  without executing code from them; ``load_report``: which tensors of a file fit a model.
* ``normalization``: mean and deviation for images (``model.mean``, ``model.std``): those of the initial weights.
* ``anchoring``: keeps parts near the weights that they were loaded with (``anchor.*``).
* ``pretrained``: builds an encoder with the weights and, if recorded, the architecture of a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.models.backbone import build_backbone as build_backbone
    from codo.models.box_head import build_box_head as build_box_head
    from codo.models.box_head import build_projection as build_projection
    from codo.models.box_levels import pool_by_size as pool_by_size
    from codo.models.encoder import LEVELS as LEVELS
    from codo.models.encoder import Encoder as Encoder
    from codo.models.encoder import ModelSettings as ModelSettings
    from codo.models.fpn import FPN as FPN
    from codo.models.image_encoder import ImageEncoder as ImageEncoder
    from codo.models.load_report import LoadReport as LoadReport
    from codo.models.normalization import PIXEL_MEAN as PIXEL_MEAN
    from codo.models.normalization import PIXEL_STD as PIXEL_STD
    from codo.models.normalization import Normalization as Normalization
    from codo.models.roi_align import roi_align as roi_align
    from codo.models.weight_files import read_tensors as read_tensors
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Encoder": "encoder",
            "FPN": "fpn",
            "ImageEncoder": "image_encoder",
            "LEVELS": "encoder",
            "LoadReport": "load_report",
            "ModelSettings": "encoder",
            "Normalization": "normalization",
            "PIXEL_MEAN": "normalization",
            "PIXEL_STD": "normalization",
            "build_backbone": "backbone",
            "build_box_head": "box_head",
            "build_projection": "box_head",
            "pool_by_size": "box_levels",
            "read_tensors": "weight_files",
            "roi_align": "roi_align",
        },
    )
