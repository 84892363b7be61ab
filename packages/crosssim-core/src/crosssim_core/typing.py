"""Names for types that come from whichever array library is in use."""

from typing import Any, TypeAlias

Array: TypeAlias = Any
"""An array of NumPy, CuPy, PyTorch or any library that follows the Python array API."""

Namespace: TypeAlias = Any
"""The module of array functions that belongs to an `Array`."""

DType: TypeAlias = Any
"""A data type of such a library."""

Device: TypeAlias = Any
"""A device of such a library."""
