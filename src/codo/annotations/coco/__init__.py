"""COCO: annotation files, result files, and where its layout has both."""
