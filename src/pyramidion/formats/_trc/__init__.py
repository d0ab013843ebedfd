"""How LeCroy files are read; ``formats.trc`` is the front."""
