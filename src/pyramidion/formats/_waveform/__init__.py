"""How waveform stores are cut, described, written and opened; ``formats.zarr`` is the front."""
