"""Compiled code of the views: resampling, color, blur, and rendering a part of a view in one call."""
