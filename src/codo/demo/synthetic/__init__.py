"""The embedded data set of ``codo demo``, drawn on the spot: object images, and detection scenes."""
