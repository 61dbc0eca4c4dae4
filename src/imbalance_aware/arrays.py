"""Reading ``.npy`` files; with a damaged header NumPy may raise errors of almost any type."""

import tokenize
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError

#: What `numpy.load` raises on headers with a single byte changed; a test changes each.
DAMAGED = (ValueError, OSError, EOFError, TypeError, SyntaxError, OverflowError, MemoryError, tokenize.TokenError)


def read_npy(path: Path) -> np.ndarray:
    """Memory-map the array of a ``.npy`` file.

    Raises:
        UserError: no such file, no such array, or one of another length than its header says.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except DAMAGED:
        raise UserError(f"{path}: not a NumPy array, or truncated or damaged") from None
    if not isinstance(array, np.memmap) or array.offset + array.nbytes != path.stat().st_size:
        raise UserError(f"{path}: not a NumPy array, or truncated or damaged: its length does not match its header")
    return array
