"""What a check of a dataset found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHOWN_FAULTS = 8


@dataclass
class VerifyReport:
    """What a check found.

    Parameters
    ----------
    dataset : Path
        What was checked.
    kind : str
        ``waveform``, ``image``, ``recording``, or ``files``: objects of a store that are no dataset.
    samples, bins : int
        Samples decoded (of ``files``, objects read), and overview values compared.
    levels : list of int
        Samples per bin of each overview level, finest first.
    against : str or None
        The source that was compared.
    checksums : bool
        False where the format has none (Zarr v2, plain files): a flipped bit that still decodes
        is only found ``against`` the source.
    faults : list of str
        One line each; empty when all is well.
    notes : list of str
        What is no fault but should be known (blocks that are absent).
    """

    dataset: Path
    kind: str = "waveform"
    samples: int = 0
    bins: int = 0
    levels: list[int] = field(default_factory=list)
    against: str | None = None
    checksums: bool = False
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "dataset": str(self.dataset),
            "sound": not self.faults,
            "samples": self.samples,
            "bins": self.bins,
            "levels": self.levels,
            "against": self.against,
            "checksums": self.checksums,
            "n_faults": len(self.faults),
            "faults": self.faults[:SHOWN_FAULTS],
            "notes": self.notes,
        }
