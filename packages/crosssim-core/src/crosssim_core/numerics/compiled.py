"""Loops over cells, compiled by Numba where it is installed: the extra ``fast``."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from crosssim_core._array import is_array, shared_with_host

logger = logging.getLogger("crosssim_core.arrays")

Loops = Callable[..., None]
"""A plain function of arrays and numbers, which writes its results into some of the arrays."""


def run(loops: Loops, /, *arguments: object) -> bool:
    """Run ``loops`` compiled, or do nothing and tell so.

    Args:
        loops: The function, of what Numba can compile.
        arguments: Its arguments; arrays of any library. It sees them as NumPy arrays that lie
            in one piece: what it writes to must already do so.

    Returns:
        Whether it ran: Numba is there, and all arrays lie in the memory of the processor.
    """
    if (compiler := loops_compiler()) is None:
        return False
    seen = [shared_with_host(x) if is_array(x) else x for x in arguments]
    if any(view is None is not x for view, x in zip(seen, arguments, strict=True)):
        return False
    compiler(loops)(*(np.ascontiguousarray(x) if is_array(x) else x for x in seen))
    return True


def compiled(loops: Loops, /) -> Loops | None:
    """``loops`` for NumPy arrays that lie in one piece; None where they cannot be compiled."""
    compiler = loops_compiler()
    return None if compiler is None else compiler(loops)


@cache
def loops_compiler() -> Callable[[Loops], Loops] | None:
    """What compiles loops, each once; None where Numba is missing, or its compiler is off."""
    try:
        import numba
    except ImportError as error:
        # Also where it is installed and does not go with the NumPy that is.
        logger.debug("loops are not compiled: %s", error)
        return None
    return None if getattr(numba.config, "DISABLE_JIT", False) else cache(_compiled)


def _compiled(loops: Loops) -> Loops:
    import numba

    # Products are added in one rounding, and a division by zero gives infinity, as in arrays.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        kept: Loops = numba.njit(cache=True, **options)(loops)
    except RuntimeError:
        # There is no place to keep compiled code in: each process compiles anew.
        kept = numba.njit(**options)(loops)
    return kept
