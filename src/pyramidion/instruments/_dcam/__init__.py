"""The parts of the DCAM camera: its library, its properties, its ring of buffers."""
