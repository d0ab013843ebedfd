"""The shard engine: Zarr v3 arrays written and read as whole, checked, atomic shards."""

from pyramidion.shards._chunked import ChunkedArray, ChunkedLayout
from pyramidion.shards._codec import DEFAULT, Codec
from pyramidion.shards._index import decode_index, encode_index, index_bytes, lie_within
from pyramidion.shards._layout import ArrayLayout
from pyramidion.shards._reader import ShardedArray
from pyramidion.shards._writer import ShardWriter

__all__ = [
    "DEFAULT",
    "ArrayLayout",
    "ChunkedArray",
    "ChunkedLayout",
    "Codec",
    "ShardWriter",
    "ShardedArray",
    "decode_index",
    "encode_index",
    "index_bytes",
    "lie_within",
]
