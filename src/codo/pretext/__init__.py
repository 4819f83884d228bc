"""Pretext tasks: methods that learn from a question about a single image whose answer the image itself contains.

They derive from `codo.methods.base` like all others and stand in `codo.methods.registry`, which finds them by name.
"""
