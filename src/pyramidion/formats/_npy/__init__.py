"""How `.npy` files are read and written; ``formats.npy`` is the front."""
