"""Compiled code of the views, run without the GIL.

* ``render``: one part of a view in one call, from decoded pixels to the canvas.
* ``resample``: antialiased bilinear resampling; ``mix``: the weighted sum of a few pixels, in vector instructions.
* ``philox``: NumPy's random numbers.
* ``color``: brightness, contrast, saturation, hue and gray; ``blur``: Gaussian blur.
"""
