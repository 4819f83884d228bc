"""Color on planes: brightness, contrast, saturation, hue and gray, as torchvision's float versions compute them.

Legend: ``planes`` float32 ``(h, 3, w)``, rows of red, green and blue in 0..255 (see resample.py); changed in place, and
clamped after every step.

Steps are applied row by row, while a row is in the L1 cache. Only contrast needs the whole image, for its mean gray:
the steps before it are applied when a row comes from the resampling, the contrast and the steps after it when the row
goes to the blur (render.py). No step branches on a pixel, so that eight pixels are computed at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import Ints, kernel, shared

Floats = npt.NDArray[np.float32]
Change = npt.NDArray[np.float64]
"""Color and blur of an image, ``(10,)``: codes of up to four steps (-1: none), their amounts, gray (0 or 1), sigma."""

CHANGE, STEPS, IS_GRAY, SIGMA = 10, 4, 8, 9  # numbers in it, steps, and where the last two are

BRIGHTNESS, CONTRAST, SATURATION, HUE, GRAY = range(5)
NAMES = ("brightness", "contrast", "saturation", "hue", "gray")
CODES = {name: code for code, name in enumerate(NAMES)}

# Numba would compute in float64 if a constant were a Python float.
_0, _1, _2, _3, _4, _6, _HALF, _255 = np.array([0, 1, 2, 3, 4, 6, 0.5, 255], np.float32)
LUMA_R, LUMA_G, LUMA_B = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, the gray of PIL and torchvision
TINY = np.float32(1e-6)


@shared
def no_change() -> Change:
    """Neither color nor blur."""
    change = np.full(CHANGE, -1.0)
    change[IS_GRAY] = change[SIGMA] = 0
    return change


@kernel
def coded(change: Change) -> tuple[Ints, Floats]:
    """The steps and amounts of a change; gray is the last step."""
    colored = 0
    while colored < STEPS and change[colored] >= 0:
        colored += 1
    count = colored + 1 if change[IS_GRAY] > 0 else colored
    steps, amounts = np.empty(count, np.int32), np.empty(count, np.float32)
    for i in range(count):
        steps[i] = change[i] if i < colored else GRAY
        amounts[i] = change[STEPS + i] if i < colored else 1
    return steps, amounts


@kernel
def scale(plane: Floats, factor: np.float32, offset: np.float32) -> None:
    """``factor * plane + offset``: brightness, and contrast once the mean gray is known."""
    for i in range(len(plane)):
        plane[i] = min(_255, max(_0, factor * plane[i] + offset))


@kernel
def saturate(red: Floats, green: Floats, blue: Floats, factor: np.float32) -> None:
    """Blend each pixel with its gray."""
    rest = _1 - factor
    for i in range(len(red)):
        gray = rest * (LUMA_R * red[i] + LUMA_G * green[i] + LUMA_B * blue[i])
        red[i] = min(_255, max(_0, factor * red[i] + gray))
        green[i] = min(_255, max(_0, factor * green[i] + gray))
        blue[i] = min(_255, max(_0, factor * blue[i] + gray))


@kernel
def turn_hue(red: Floats, green: Floats, blue: Floats, turn: np.float32) -> None:
    """Shift the hue by ``turn`` of the color circle, at most a half; HSV's value and saturation do not change.

    Hue is in sixths of the circle: red 0, green 2, blue 4. A channel equals the value if the hue is less than 1 away
    from the channel's hue, and value - chroma if it is more than 2 away; in between it falls linearly.
    """
    for i in range(len(red)):
        r, g, b = red[i], green[i], blue[i]
        value = max(r, max(g, b))
        chroma = value - min(r, min(g, b))
        unit = _1 / max(chroma, TINY)
        hue = (r - g) * unit + _4
        hue = (b - r) * unit + _2 if value == g else hue
        hue = (g - b) * unit if value == r else hue
        hue += _6 * turn
        hue = hue + _6 if hue < _0 else hue
        hue = hue - _6 if hue >= _6 else hue
        # 3 - |3 - |d|| is the distance on the circle.
        red[i] = value - chroma * min(_1, max(_0, _2 - abs(_3 - hue)))
        green[i] = value - chroma * min(_1, max(_0, _2 - abs(_3 - abs(hue - _2))))
        blue[i] = value - chroma * min(_1, max(_0, _2 - abs(_3 - abs(hue - _4))))


@kernel
def to_gray(red: Floats, green: Floats, blue: Floats) -> None:
    """Replace every channel by the gray."""
    for i in range(len(red)):
        gray = LUMA_R * red[i] + LUMA_G * green[i] + LUMA_B * blue[i]
        red[i] = gray
        green[i] = gray
        blue[i] = gray


@kernel
def sum_of_gray(row: Floats) -> int:
    """The sum of the gray of pixels ``(3, w)``, each rounded as in Pillow: integers, so the order does not matter."""
    red, green, blue, total = row[0], row[1], row[2], np.int32(0)
    for i in range(len(red)):
        total += np.int32(LUMA_R * red[i] + LUMA_G * green[i] + LUMA_B * blue[i] + _HALF)
    return int(total)


@kernel
def change(row: Floats, steps: Ints, amounts: Floats, offset: np.float32) -> None:
    """Apply color steps to a row of pixels, in their order.

    Args:
        row: ``(3, w)``.
        steps: Codes ``(n,)``.
        amounts: ``(n,)``: a factor; for hue a share of the color circle; not used for gray.
        offset: The constant that the contrast step adds, from `contrast_offset`.
    """
    red, green, blue = row[0], row[1], row[2]
    for k in range(len(steps)):
        step, amount = steps[k], amounts[k]
        if step == SATURATION:
            saturate(red, green, blue, amount)
        elif step == HUE:
            turn_hue(red, green, blue, amount)
        elif step == GRAY:
            to_gray(red, green, blue)
        else:
            shift = offset if step == CONTRAST else _0
            scale(red, amount, shift)
            scale(green, amount, shift)
            scale(blue, amount, shift)


@kernel
def before_contrast(steps: Ints) -> int:
    """How many steps come before the contrast; the number of all steps if there is no contrast."""
    for k in range(len(steps)):
        if steps[k] == CONTRAST:
            return k
    return len(steps)


@kernel
def contrast_offset(gray: int, pixels: int, factor: np.float32) -> np.float32:
    """The constant that contrast adds to ``factor`` times an image whose gray sums to ``gray``."""
    return np.float32((_1 - factor) * np.float32(np.floor(gray / pixels + 0.5)))
