"""Settings of ``codo prepare``, recorded in the catalog."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from codo.catalog.bit_depth import rising
from codo.core.config import Settings
from codo.proposals.filters import ProposalSettings


class PrepareSettings(Settings):
    """Settings of a preparation. All but ``max_rejected`` decide what the catalog holds."""

    select: str | None = Field(
        None,
        description="which images of the source: a COCO .json or .txt file that names them, or VOC image sets "
        "(trainval, VOC2012/train, all); null takes all, of VOC trainval",
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
    value_range: tuple[float, float] | None = Field(
        None,
        description="values that become black and white in images of more than 8 bits, [LOW, HIGH]; null: a rule for "
        "each image, with a warning where it does not fit",
    )
    max_rejected: float = Field(0.05, ge=0, le=1, description="share of rejected images that stops the preparation")

    @field_validator("value_range")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        return rising(value)

    @model_serializer(mode="wrap")
    def _without_default(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Catalogs of images of 8 bits record what they did before this setting existed."""
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if name != "value_range" or value is not None}
