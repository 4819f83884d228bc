"""YOLO: label files, and where its layout has them."""
