"""Overviews at many resolutions: what levels there are, and how they are built from a stream."""

from pyramidion.pyramid._builder import LevelBlock, PyramidBuilder
from pyramidion.pyramid._image_plan import ImagePlan
from pyramidion.pyramid._plan import FIRST_FACTOR, LEAST_BINS, STEP, Level, PyramidPlan

__all__ = [
    "FIRST_FACTOR",
    "LEAST_BINS",
    "STEP",
    "ImagePlan",
    "Level",
    "LevelBlock",
    "PyramidBuilder",
    "PyramidPlan",
]
