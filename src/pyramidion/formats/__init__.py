"""Files of every kind, each in one module found by its name, behind one interface."""

import lazy_loader

# The names are in `__init__.pyi`; a module is imported when one of its names is used, so that a command
# does not wait for what belongs to the others.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
