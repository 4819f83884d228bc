"""Which formats there are."""

from __future__ import annotations

from benchmarks.fuzzing import archives, image_mutants, images, labels, recipes, tables, weights
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
        Format("tar", ".tar", archives.tar_seeds, archives.tar, archives.read),
        Format("zip", ".zip", archives.zip_seeds, archives.zipped, archives.read),
        Format("parquet", ".parquet", tables.parquet_seeds, tables.table, archives.read),
        Format("arrow", ".arrow", tables.arrow_seeds, tables.table, archives.read),
        Format("catalog", ".parquet", tables.catalog_seeds, tables.table, tables.read_catalog),
        Format("coco", ".json", labels.coco_seeds, labels.coco, labels.read_coco),
        Format("yolo", ".yolo", labels.yolo_seeds, labels.yolo, labels.read_yolo),
        Format("voc", ".xml", labels.voc_seeds, labels.voc, labels.read_voc),
        Format("safetensors", ".safetensors", weights.safetensors_seeds, weights.safetensors, weights.read_weights),
        Format("torch", ".pth", weights.torch_seeds, weights.torch_file, weights.read_weights),
        Format("checkpoint", ".pt", weights.checkpoint_seeds, weights.torch_file, weights.read_checkpoint),
        Format("recipe", ".yaml", recipes.yaml_seeds, recipes.recipe, recipes.read_recipe),
    )
}
