"""Fast numbers: reductions, each with a readable reference beside it."""

from pyramidion.kernels._reduce import (
    bin_count,
    merge_minmax,
    merge_sums,
    reduce_minmax,
    reduce_minmax_reference,
    reduce_sum,
)

__all__ = [
    "bin_count",
    "merge_minmax",
    "merge_sums",
    "reduce_minmax",
    "reduce_minmax_reference",
    "reduce_sum",
]
