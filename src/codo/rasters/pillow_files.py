"""Which TIFFs are left to Pillow, and what it makes of their bands.

Pillow reads gray, RGB and other colors of 8 bits, gray of more, and the upper bytes of RGB of 16 bits; of five or six
bands it takes the first three. Without a choice of bands such files are its own. Of what it opens it reads some
wrongly, or fails later, with every version so far: those are not left to it.
"""

from __future__ import annotations

import io
import struct
from typing import Any

from PIL import Image as Pillow
from PIL import TiffImagePlugin

from codo.models.pixel_rules import DEFAULT_BANDS, PixelRules
from codo.rasters.levels import keeps_upper_bytes
from codo.rasters.tiff import is_tiff

_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA, _FORMAT = 258, 259, 262, 277, 284, 338, 339  # TIFF tags
_GRAY, _RGB = (0, 1), 2
_SEPARATE, _RAW, _UNSIGNED = 2, 1, 1
_ASSOCIATED, _ALPHA = 1, 2  # kinds of extra samples


def is_for_pillow(data: bytes, rules: PixelRules) -> bool:
    """Whether Pillow reads this file; always for other formats than TIFF."""
    if not is_tiff(data):
        return True
    try:
        # Not Pillow.open: its limit on sizes is for those who read pixels.
        with TiffImagePlugin.TiffImageFile(io.BytesIO(data)) as file:
            tags: Any = file.tag_v2
    except (SyntaxError, IndexError, TypeError, struct.error):  # what Pillow takes for "another format"
        return False
    bits, photometric = tags.get(_BITS, (8,)), tags.get(_PHOTOMETRIC, 1)
    if photometric not in (*_GRAY, _RGB) or bits[0] < 8:
        return True
    return rules.bands is None and not _is_misread(tags, rules)


def _is_misread(tags: Any, rules: PixelRules) -> bool:
    bits, samples = tags.get(_BITS, (8,))[0], tags.get(_SAMPLES, 1)
    gray, raw = tags.get(_PHOTOMETRIC, 1) in _GRAY, tags.get(_COMPRESSION, _RAW) == _RAW
    if tags.get(_PLANAR) == _SEPARATE and samples > 1:
        extra = set(tags.get(_EXTRA, ()))
        if gray:
            return True  # the first band only, or an error
        if bits > 8:  # bytes for values; and OpenCV, which reads the values where a range is given, mixes the bands
            return raw or samples > 4 or bool(extra - {_ALPHA}) or not keeps_upper_bytes(rules)
        return _ASSOCIATED in extra or (_ALPHA in extra and samples > 4)
    # Of compressed values other than unsigned ones of 16 bits libtiff swaps the bytes, and Pillow does so again.
    unsigned = tags.get(_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED
    return bool(gray and not raw and tags.prefix == b"MM" and (bits > 16 or (bits == 16 and not unsigned)))


def pillow_bands(file: Pillow.Image) -> int:
    """The number of bands of a TIFF that Pillow has opened, without alpha; 0 if they are no more than three."""
    tags: Any = getattr(file, "tag_v2", None)
    if file.format != "TIFF" or tags is None or tags.get(_PHOTOMETRIC) not in (*_GRAY, _RGB):
        return 0
    bands = int(tags.get(_SAMPLES, 1)) - sum(kind in (_ASSOCIATED, _ALPHA) for kind in tags.get(_EXTRA, ()))
    return bands if bands > len(DEFAULT_BANDS) else 0
