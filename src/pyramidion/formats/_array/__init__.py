"""Plain arrays in one file, `.npy` and HDF5, as images: what their axes are, and how they are written."""
