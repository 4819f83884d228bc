"""What pages are made of: blocks, plots as inline SVG, images as data URIs, templates."""
