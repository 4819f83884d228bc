"""Images of more than 8 bits: levels by hand, one range for all, missing values, inverted gray; and what is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codo
from codo.catalog.bit_depth import Depths, depth_warning, summarize
from codo.catalog.decode import Limits, decode, decode_checked
from codo.models.pixel_rules import PixelRules
from codo.rasters.levels import Depth
from tests.catalog.pictures import encode


def ramp(low: float, high: float, kind: type = np.uint16) -> np.ndarray:
    return np.linspace(low, high, 40 * 40).reshape(40, 40).astype(kind)


def test_one_range_for_all_images() -> None:
    """14-bit thermal values: by the rule for each image 7000 to 9000 are 9 levels, by their range all 256."""
    thermal = ramp(7000, 9000)
    assert len(np.unique(decode(encode(thermal, "PNG")))) == 9
    image = decode(encode(thermal, "PNG"), rules=PixelRules((7000, 9000)))
    assert len(np.unique(image)) == 256
    assert np.array_equal(image[:, :, 1], np.rint((thermal.astype(float) - 7000) * 255 / 2000))
    cold, hot = (decode(encode(ramp(v, v), "PNG"), rules=PixelRules((7000, 9000))) for v in (100, 60000))
    assert (cold.max(), hot.min()) == (0, 255)
    for kind, values in (("TIFF", ramp(7000, 9000, np.float32)), ("TIFF", ramp(7000, 9000, np.int32))):
        assert np.abs(decode(encode(values, kind), rules=PixelRules((7000, 9000))).astype(int) - image).max() <= 1


def test_a_range_makes_neighbors_alike() -> None:
    """One pixel of 4096 makes a 12-bit image 16 times darker, unless the range is given."""
    plain, spot = ramp(0, 4000), ramp(0, 4000)
    spot[0, 0] = 4096
    one, other = (decode(encode(values, "PNG")).astype(int)[1:] for values in (plain, spot))
    assert one.mean() / other.mean() > 14
    one, other = (decode(encode(values, "PNG"), rules=PixelRules((0, 4095)))[1:] for values in (plain, spot))
    assert np.array_equal(one, other)


def test_8_bits_do_not_change() -> None:
    for data in (encode(ramp(0, 255, np.uint8), "PNG"), encode(np.dstack([ramp(0, 255, np.uint8)] * 3))):
        assert np.array_equal(decode(data), decode(data, rules=PixelRules((0, 100))))
        assert decode_checked(data, Limits()).depth is None


@pytest.mark.parametrize("missing", [-9999, -32768, float("nan"), float(np.finfo(np.float32).min)])
def test_missing_values_do_not_flatten_the_rest(missing: float) -> None:
    height = ramp(200, 800, np.float32)
    height[:5] = missing
    decoded = decode_checked(encode(height, "TIFF"), Limits())
    assert (decoded.image[:5] == 0).all()
    assert (decoded.image[5].min(), decoded.image.max()) == (0, 255)
    assert decoded.depth == Depth(float(height[5:].min()), 800, 0, 1)


def test_the_declared_missing_value() -> None:
    height = ramp(200, 800, np.float32)
    height[:5] = 7
    data = encode(height, "TIFF", tiffinfo={42113: "7"})
    assert (decode(data)[:5] == 0).all()
    assert decode_checked(data, Limits()).depth == Depth(float(height[5:].min()), 800, 0, 1)
    low = ramp(-500, 800, np.float32)  # a minimum that is not declared, and not one of the usual
    assert decode_checked(encode(low, "TIFF"), Limits()).depth == Depth(-500, 800, 0, 1)


def test_what_is_told() -> None:
    assert depth_warning(None, "value_range") == ""
    assert depth_warning(summarize([]), "value_range") == ""
    good = [Depth(0, 4000, 4095, 0.98), Depth(5, 300, 4095, 0.07)]
    assert summarize(good) == Depths(2, 0, 4000, 0.98, {"4095": 2})
    assert depth_warning(summarize(good), "value_range") == ""
    mixed = depth_warning(summarize([*good, Depth(0, 4096, 65535, 0.06)]), "value_range")
    assert "3 images have more than 8 bits, and not all are scaled alike (2 by 4095, 1 by 65535)" in mixed
    assert mixed.endswith("value_range=[0,4096]")
    narrow = depth_warning(summarize([Depth(7000, 8000, 65535, 0.0153)]), "data.value_range")
    assert (
        "none of 1 images of more than 8 bits uses a tenth of its range (at most 1.5%, values 7000 to 8000)" in narrow
    )
    parts = [summarize(good), summarize([Depth(1, 2, 65535, 0.1)])]
    assert summarize(part for part in parts if part) == Depths(3, 0, 4000, 0.98, {"4095": 2, "65535": 1})


def test_a_catalog_tells_and_reads_by_its_range(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(3):
        Image.fromarray(ramp(7000, 8000 + i)).save(tmp_path / "in" / f"{i}.png")
    plain = codo.prepare(str(tmp_path / "in"), tmp_path / "plain", propose=False, jobs=1)
    assert "WARNING none of 3 images of more than 8 bits uses a tenth" in plain.summary()
    assert "value_range=[7000,8002]" in plain.summary()
    ranged = codo.prepare(str(tmp_path / "in"), tmp_path / "ranged", propose=False, jobs=1, value_range=[7000, 8002])
    assert "WARNING" not in ranged.summary()
    assert (ranged.image(2).min(), ranged.image(2).max()) == (0, 255)
    assert plain.image(2).max() < 40
    packed = codo.prepare(
        str(tmp_path / "in"), tmp_path / "packed", propose=False, jobs=1, pack=40, value_range=[7000, 8002]
    )
    assert packed.image(2).max() > 250  # a JPEG, scaled when it was packed
