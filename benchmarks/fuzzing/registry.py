"""Which formats there are."""

from __future__ import annotations

from benchmarks.fuzzing import image_mutants, images
from benchmarks.fuzzing.formats import Format

_IMAGES = (
    ("jpeg", ".jpg", images.jpeg_seeds, image_mutants.jpeg),
    ("png", ".png", images.png_seeds, image_mutants.png),
    ("tiff", ".tif", images.tiff_seeds, image_mutants.tiff),
    ("webp", ".webp", images.webp_seeds, image_mutants.webp),
    ("avif", ".avif", images.avif_seeds, image_mutants.avif),
)

FORMATS = {
    form.name: form
    for form in (
        *(Format(name, suffix, seeds, mutate, None, images.read_all, 120) for name, suffix, seeds, mutate in _IMAGES),
    )
}
