"""Recordings of cameras: an OME-Zarr store that is right after every frame."""

import lazy_loader

# See `pyramidion.formats`.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
