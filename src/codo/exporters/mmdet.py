"""MMDetection: a ``.pth`` file with ``{"state_dict", "meta"}`` and a configuration for mmdet 3.x."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codo import __version__
from codo.exporters.mmdet_config import config
from codo.exporters.named import NamedTarget
from codo.exporters.target import MAPS, Features, save_torch
from codo.exporters.trunk import TrunkWeights

COMPONENTS = {
    "backbone": "backbone.",
    "fpn": "neck.",
    "box_head": "roi_head.bbox_head.shared_",
    "rpn": "rpn_head.",
    "box_predictor": "roi_head.bbox_head.fc_",
    "mask_head": "roi_head.mask_head.",
}
"""Component of the detector -> prefix of its tensor names."""

KEY_LISTS = {"4conv1fc": "mmdet_mask_rcnn_r50_fpn_4conv1fc_bn"}
"""Box head -> the list of names and shapes of the R-50 Mask R-CNN with that head."""


class MMDet(NamedTarget):
    """A ``.pth`` file and a Python configuration."""

    file = "mmdet_{detector}.pth"
    library = "mmdet"
    layout = "mmdet"
    components = COMPONENTS
    key_lists = KEY_LISTS
    fallback = KEY_LISTS["4conv1fc"]

    def write(self, trunk: TrunkWeights, path: Path) -> None:
        """Write the checkpoint."""
        meta = {"author": f"CoDo {__version__}", "method": trunk.method, "step": trunk.step, "network": trunk.network}
        save_torch({"state_dict": self.state(trunk), "meta": meta}, path)

    def read(self, path: Path) -> dict[str, Tensor]:
        """Read the checkpoint."""
        tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        return tensors

    def build(self, config: Path, weights: Path) -> tuple[nn.Module, Features]:
        """Build the detector from a configuration with mmdet, and load the file with mmengine."""
        from mmdet.registry import MODELS
        from mmdet.utils import register_all_modules
        from mmengine.config import Config
        from mmengine.runner import load_checkpoint

        register_all_modules()
        model: Any = MODELS.build(Config.fromfile(config).model).eval()
        load_checkpoint(model, str(weights), map_location="cpu")
        head = model.roi_head.bbox_head

        def features(images: Tensor, pooled: Tensor) -> dict[str, Tensor]:
            maps = model.backbone(images)
            named = dict(zip(MAPS["backbone"], maps, strict=True))
            named |= zip(MAPS["fpn"], model.neck(maps)[:4], strict=True)
            captured: list[Tensor] = []  # output of the shared layers, which is the input of the classifier
            with head.fc_cls.register_forward_pre_hook(lambda _, inputs: captured.extend(inputs)):
                head(pooled)
            return {**named, "box head": captured[0]}

        return model, features

    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python code that trains from the file called ``name``."""
        return (
            "from mmengine.config import Config\nfrom mmengine.runner import Runner\n\n"
            f'cfg = Config.fromfile("{Path(name).stem}.py")  # loads {name} from the same folder\n'
            'cfg.work_dir = "work_dirs/codo"\nRunner.from_cfg(cfg).train()\n'
        )

    def companions(self, trunk: TrunkWeights, name: str) -> dict[str, str]:
        """The configuration."""
        return {f"{Path(name).stem}.py": config(trunk.model, name, self.detector == "mask_rcnn")}
