"""How HDF5 files are read and written; ``formats.hdf5`` is the front.

A child process looks at the file (``probe``, ``inspect``, ``walk``, ``choose``, ``attributes``) and
describes it; the parent (``child``, ``file``, ``layout``, ``readers``, ``chunks``) reads what it was
told, and loads the HDF5 library only for filters that it cannot undo itself (``library``).
"""
