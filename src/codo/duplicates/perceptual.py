"""What a picture looks like, in 64 bits: equal or nearly so for its resized and re-encoded copies.

The hash is pHash: the signs, around their median, of the 63 lowest frequencies of a gray picture of 32 x 32 pixels. It
only finds candidates, since pictures of one object on a plain background can share it: two pictures are near-duplicates
if the small pictures themselves are alike, too. Thresholds and error rates: docs/how-to/near-duplicates.md.

Legend: a thumbnail is uint8 ``(32, 32)``.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from codo.catalog.decode import InvalidImage, decode

Thumbnail = npt.NDArray[np.uint8]

SIDE, LOW = 32, 8
BITS = 10
"""Hashes of candidates differ in at most this many of 63 bits."""
ALIKE = 0.98
"""Smallest correlation of the thumbnails of near-duplicates."""
FLAT = 2.0
"""Standard deviation, in gray levels, below which a picture shows nothing to compare."""
NOTHING = np.uint64(0)
"""The hash of pictures that cannot be read or show nothing; the hash of any other has its highest bit set."""


def thumbnail(data: bytes) -> Thumbnail | None:
    """The small gray picture of an image file, upright; ``None`` if it cannot be decoded."""
    encoded = np.frombuffer(data, np.uint8)
    # A quarter of the side is enough for any photograph, and decodes JPEGs in a third of the time.
    gray = cv2.imdecode(encoded, cv2.IMREAD_REDUCED_GRAYSCALE_4) if data else None
    if gray is not None and min(gray.shape) < SIDE:
        gray = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    if gray is None:
        try:
            gray = cv2.cvtColor(decode(data), cv2.COLOR_RGB2GRAY)
        except InvalidImage:
            return None
    return np.asarray(cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def perceptual_hash(small: Thumbnail | None) -> np.uint64:
    """The hash of a thumbnail; `NOTHING` if there is none, or if it is flat."""
    if small is None or small.std() < FLAT:
        return NOTHING
    low = cv2.dct(small.astype(np.float32))[:LOW, :LOW].ravel()[1:]  # without the mean
    bits = np.append(low > np.median(low), True)
    return np.uint64(np.packbits(bits, bitorder="little").view("<u8")[0])


def alike(a: Thumbnail | None, b: Thumbnail | None) -> bool:
    """Whether two pictures, whose hashes are near, are the same: blurred by a pixel, they correlate."""
    if a is None or b is None or min(a.std(), b.std()) < FLAT:
        return False
    one, other = (cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1).ravel() for small in (a, b))
    return bool(np.corrcoef(one, other)[0, 1] >= ALIKE)


def candidates(own: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> dict[int, list[int]]:
    """For each hash in ``own`` that has any: indices in ``others`` with at most `BITS` different bits, nearest first.

    Compares all pairs: five thousand hashes with a million take 20 s.
    """
    found = {}
    for i in np.flatnonzero(own != NOTHING):
        different = np.bitwise_count(others ^ own[i])
        near = np.flatnonzero(different <= BITS)
        if len(near):
            found[int(i)] = near[np.argsort(different[near], kind="stable")].tolist()
    return found
