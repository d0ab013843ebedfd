"""Recordings of cameras: an OME-Zarr store that is right after every frame."""
