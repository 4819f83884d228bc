"""Settings of ``codo prepare``, recorded in the catalog."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from codo.models.pixel_rules import PixelSettings
from codo.proposals.filters import ProposalSettings

LATER: dict[str, Any] = dict.fromkeys([*PixelSettings.model_fields, "tiles", "image_column"]) | {"tile_overlap": 0}
"""Settings that came later, with their defaults."""


class PrepareSettings(PixelSettings):
    """Settings of a preparation. All but ``max_rejected`` decide what the catalog holds."""

    select: str | None = Field(
        None,
        description="which images of the source: a COCO .json or .txt file that names them, or VOC image sets "
        "(trainval, VOC2012/train, all); null takes all, of VOC trainval",
    )
    image_column: str | None = Field(
        None, description="which column of Parquet and Arrow tables has the images; null: the only one that may"
    )
    propose: bool = Field(True, description="search proposals; catalogs used only as backgrounds need none")
    proposals: ProposalSettings = Field(ProposalSettings(), description="how proposals are searched and filtered")
    pack: int | None = Field(
        None, ge=32, le=65500, description="write JPEG shards whose images have this short side, never enlarged"
    )
    quality: int = Field(90, ge=1, le=100, description="JPEG quality of packed images")
    shard_mb: int = Field(256, ge=1, description="size of a packed shard in MB, about")
    min_side: int = Field(32, ge=1, description="reject images with a side shorter than this, in pixels")
    max_megapixels: float = Field(
        100, gt=0, le=178, description="reject larger images before they are decoded; Pillow itself stops at 178"
    )
    tiles: int | None = Field(
        None,
        ge=64,
        le=16384,
        description="cut larger images into tiles of this side, in pixels, each an image of the catalog; images "
        "beyond max_megapixels are then allowed: TIFFs stored in tiles or strips without limit, others up to 5 times "
        "as much",
    )
    tile_overlap: int = Field(0, ge=0, description="pixels that neighboring tiles share at least")
    max_rejected: float = Field(0.05, ge=0, le=1, description="share of rejected images that stops the preparation")

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        if self.tile_overlap and (self.tiles is None or self.tile_overlap > self.tiles // 2):
            raise ValueError("tile_overlap is at most half of tiles")
        return self

    @model_serializer(mode="wrap")
    def _without_default(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Catalogs that do not use later settings record what they did before these existed."""
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if name not in LATER or value != LATER[name]}
