"""pyramidion: arrays too big to look at, from the instrument to the browser."""

__version__ = "0.1.0"
