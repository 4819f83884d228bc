"""Every kind of image becomes upright RGB; every kind of junk gets its reason."""

from __future__ import annotations

import io
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFile, ImageOps

from codo.catalog.decode import InvalidImage, Limits, decode, decode_checked, size_before_turning, stored_size, upright
from tests.catalog.pictures import ORIENTATION, encode, jpeg, picture, png_header

STRICT = Limits(min_side=32, max_megapixels=100)


def reason(data: bytes, limits: Limits = STRICT) -> str:
    with pytest.raises(InvalidImage) as caught:
        decode_checked(data, limits)
    return caught.value.reason


def close(one: np.ndarray, other: np.ndarray, most: float = 2) -> bool:
    """Equal but for what decoders round differently."""
    return one.shape == other.shape and np.abs(one.astype(int) - other.astype(int)).mean() <= most


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientations_are_applied_as_pillow_does(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    data = encode(picture(1, 70, 40), kind, exif=exif, **options)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    decoded = decode_checked(data, STRICT)
    assert decoded.orientation == (1 if kind == "TIFF" else orientation)  # Pillow turns TIFFs when it loads them
    assert decoded.image.flags["C_CONTIGUOUS"]
    assert close(decoded.image, expected, 2 if kind == "JPEG" else 0)
    assert np.array_equal(decode(data, orientation), decoded.image)
    assert np.array_equal(decode(data), decoded.image)


def test_orientations_turn_pixels_exactly() -> None:
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    turns = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270"}
    for orientation, name in (turns | {7: "TRANSVERSE", 8: "ROTATE_90"}).items():
        expected = np.asarray(Image.fromarray(image).transpose(Image.Transpose[name]))
        assert np.array_equal(upright(image, orientation), expected)


@pytest.mark.parametrize("value", [0, 9, 77])
def test_orientations_that_make_no_sense_are_none(value: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    assert decode_checked(encode(picture(0), exif=exif), STRICT).orientation == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_sizes_from_the_head_are_those_of_the_pixels(orientation: int, compression: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    for kind, options in {"JPEG": {}, "PNG": {}, "TIFF": {"compression": compression}}.items():
        (tmp_path / kind).write_bytes(encode(picture(1, 70, 40), kind, exif=exif, **options))
        assert stored_size(tmp_path / kind) == (40, 70, orientation)
        height, width = (70, 40) if orientation >= 5 else (40, 70)
        assert decode((tmp_path / kind).read_bytes()).shape == (height, width, 3)


@pytest.mark.parametrize("reported", [(70, 40), (40, 70)])  # before Pillow 11.0, and since
def test_the_stored_size_of_a_tiff_does_not_depend_on_the_size_that_pillow_reports(reported: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    file = Image.open(io.BytesIO(encode(picture(1, 70, 40), "TIFF", exif=exif)))
    file._size = reported
    assert size_before_turning(file) == (70, 40)


def test_color_jpegs_equal_pillows() -> None:
    data = jpeg(3, 101, 67)
    assert close(decode(data), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_gray_becomes_three_equal_channels(kind: str) -> None:
    gray = picture(2)[:, :, 0]
    image = decode(encode(gray, kind))
    assert image.shape == (48, 60, 3)
    assert np.array_equal(image[:, :, 0], image[:, :, 2])
    assert close(image[:, :, 1], gray, 1)


def test_palette_and_one_bit() -> None:
    indexed = Image.fromarray(picture(4)).quantize(16)
    assert np.array_equal(decode(encode(indexed, "PNG")), np.asarray(indexed.convert("RGB")))
    assert np.array_equal(decode(encode(indexed, "GIF")), np.asarray(indexed.convert("RGB")))
    black_and_white = Image.fromarray(picture(4)).convert("1")
    assert set(np.unique(decode(encode(black_and_white, "PNG")))) == {0, 255}


def test_alpha_is_laid_over_white() -> None:
    rgba = np.dstack([picture(5), np.full((48, 60), 255, np.uint8)])
    rgba[:, :20, 3] = 0
    rgba[:, 20:40] = (10, 20, 30, 128)
    image = decode(encode(rgba, "PNG"))
    assert (image[:, :20] == 255).all()
    assert np.abs(image[0, 30].astype(int) - np.rint(np.array([10, 20, 30]) * 128 / 255 + 127)).max() <= 1
    assert np.array_equal(image[:, 40:], rgba[:, 40:, :3])


def test_transparent_palettes_are_laid_over_white() -> None:
    indexed = Image.fromarray(np.repeat(np.arange(2, dtype=np.uint8), 40 * 20).reshape(40, 40), "P")
    indexed.putpalette([200, 0, 0, 0, 0, 0])
    image = decode(encode(indexed, "PNG", transparency=1))
    assert (image[:20] == (200, 0, 0)).all()
    assert (image[20:] == 255).all()


def test_cmyk_becomes_rgb() -> None:
    data = encode(Image.fromarray(picture(6)).convert("CMYK"), quality=95)
    assert np.array_equal(decode(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert close(decode(data, 1), picture(6), 4)


def test_sixteen_bits_scale_by_their_full_range() -> None:
    values = np.linspace(0, 65535, 40 * 40).reshape(40, 40).astype(np.uint16)
    image = decode(encode(values, "PNG"))
    assert np.array_equal(image[:, :, 0], np.rint(values / 257))
    assert np.array_equal(decode(encode(values, "TIFF")), image)


def test_twelve_bits_in_sixteen_are_not_black() -> None:
    values = np.linspace(0, 4095, 40 * 40).reshape(40, 40).astype(np.uint16)
    image = decode(encode(values, "PNG"))
    assert image.min() == 0
    assert image.max() == 255


def test_floats_are_stretched() -> None:
    values = np.linspace(-1, 3, 40 * 40).reshape(40, 40).astype(np.float32)
    assert np.array_equal(decode(encode(values, "TIFF"))[:, :, 1], np.rint((values.astype(float) + 1) / 4 * 255))
    assert (decode(encode(np.full((40, 40), 7.5, np.float32), "TIFF")) == 0).all()
    ints = np.linspace(0, 65535, 40 * 40).reshape(40, 40).astype(np.int32)
    assert np.array_equal(decode(encode(ints, "TIFF"))[:, :, 1], np.rint(ints / 257))


def test_what_is_no_image_is_unreadable() -> None:
    assert reason(b"") == "empty: zero bytes"
    assert reason(b"these are only words\n" * 40).startswith("unreadable: not an image (it begins with b'these are")
    assert reason(b"\x00" * 500).startswith("unreadable:")


def test_postscript_is_never_run() -> None:
    file = io.BytesIO()
    Image.fromarray(picture(0)).save(file, "EPS")
    assert reason(file.getvalue()).startswith("unreadable:")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "progressive"])
def test_truncated_files(kind: str, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as some training programs set it
    image = np.random.default_rng(0).integers(0, 256, (48, 60, 3), dtype=np.uint8)
    data = encode(image, "JPEG", progressive=True) if kind == "progressive" else encode(image, kind)
    assert reason(data[: int(len(data) * share)]).startswith("truncated:")
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_corrupt_jpegs() -> None:
    data = bytearray(encode(np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff\x01" * 20
    assert reason(bytes(data)).startswith("corrupt:")


def test_padding_inside_a_jpeg_is_harmless() -> None:
    data = jpeg(0)
    padded = data[:-2] + bytes(3) + data[-2:]
    assert np.array_equal(decode(padded), decode(data))


def test_metadata_of_a_wrong_type_is_harmless() -> None:
    """XMP of a TIFF that is a number: not when the file is opened, but when pixels are loaded, Pillow searches it."""
    file = io.BytesIO()
    tifffile.imwrite(file, picture(0), photometric="rgb", metadata=None, extratags=[(700, "I", 1, 48, True)])
    assert Image.open(file).info["xmp"] in (48, (48,))
    assert np.array_equal(decode(file.getvalue()), picture(0))


def test_size_limits() -> None:
    assert reason(jpeg(0, 31, 200)) == "too small: 31 x 200 pixels, under 32 a side"
    assert reason(encode(picture(0, 1, 1), "PNG")) == "too small: 1 x 1 pixels, under 32 a side"
    assert decode_checked(jpeg(0, 32, 32), STRICT).image.shape == (32, 32, 3)
    limits = Limits(32, 0.02)
    assert decode_checked(jpeg(0, 200, 100), limits).image.shape == (100, 200, 3)
    assert reason(jpeg(0, 201, 100), limits) == "too large: 201 x 100 = 0.0201 megapixels, over 0.02"


def test_a_very_wide_image_under_the_limit_is_fine() -> None:
    assert decode_checked(encode(picture(0, 20000, 40)), STRICT).image.shape == (40, 20000, 3)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((20000, 6000), "too large: 20000 x 6000 = 120 megapixels, over 100"),
        ((70000, 100), "too large: 70000 x 100 pixels, over 65500 a side"),
        ((40000, 40000), "too large: over 100 megapixels"),
    ],
)
def test_sizes_are_checked_before_pixels_are_decoded(size: tuple[int, int], expected: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reason(png_header(*size)) == expected


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_large_a_file_is_known_from_its_head(tmp_path: Path) -> None:
    for size, expected in (((20000, 6000), "too large: 20000 x 6000 = 120"), ((40000, 40000), "too large: over 100")):
        (tmp_path / "a.png").write_bytes(png_header(*size))
        with pytest.raises(InvalidImage) as caught:
            stored_size(tmp_path / "a.png")
        assert caught.value.reason.startswith(expected)


def test_a_rejection_travels_between_processes() -> None:
    again = pickle.loads(pickle.dumps(InvalidImage("too small: really")))
    assert (type(again), again.reason) == (InvalidImage, "too small: really")
