"""Parts of the IDX format; ``formats/idx.py`` puts them together."""
