"""How OME-Zarr images are cut, described, written and opened; ``formats.zarr`` is the front."""
