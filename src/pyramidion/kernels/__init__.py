"""Fast numbers: reductions, each with a readable reference beside it."""

from pyramidion.kernels._halve import compile_halving, halve_means, halve_means_reference
from pyramidion.kernels._pool_nd import (
    MOST_IN_BOX,
    Counts,
    Factors,
    mean_of_sums,
    pool_extreme,
    pool_mode,
    pool_nearest,
    pool_reference,
    pool_sums,
    pooled_shape,
    split_wide,
    sum_dtype,
)
from pyramidion.kernels._preview import (
    MOST_TO_A_SIDE,
    compile_means,
    mean_blocks,
    mean_blocks_reference,
)
from pyramidion.kernels._reduce import (
    bin_count,
    merge_minmax,
    merge_sums,
    reduce_minmax,
    reduce_minmax_reference,
    reduce_sum,
)

__all__ = [
    "MOST_IN_BOX",
    "MOST_TO_A_SIDE",
    "Counts",
    "Factors",
    "bin_count",
    "compile_halving",
    "compile_means",
    "halve_means",
    "halve_means_reference",
    "mean_blocks",
    "mean_blocks_reference",
    "mean_of_sums",
    "merge_minmax",
    "merge_sums",
    "pool_extreme",
    "pool_mode",
    "pool_nearest",
    "pool_reference",
    "pool_sums",
    "pooled_shape",
    "reduce_minmax",
    "reduce_minmax_reference",
    "reduce_sum",
    "split_wide",
    "sum_dtype",
]
