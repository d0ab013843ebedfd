"""Command lines of the tools that came before, translated into ours and nothing more."""
