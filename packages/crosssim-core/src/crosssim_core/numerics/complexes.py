"""Complex products as products of real block matrices.

``A`` becomes ``[[Re A, -Im A], [Im A, Re A]]``. A vector on the right becomes ``(Re x, Im x)``
and its product holds the real part first; a vector on the left becomes ``(Im v, Re v)`` and
its product holds the imaginary part first.
"""

from crosssim_core._array import array_namespace, is_complex
from crosssim_core.typing import Array


def expand_matrix(a: Array, /) -> Array:
    """Real block matrix of ``a``: shape ``(m, n)`` becomes ``(2 m, 2 n)``."""
    return _blocks(*_parts(a))


def clip_blocks(w: Array, /, *, low: float, high: float) -> Array:
    """Real block matrix of the complex matrix next to that of ``w`` within ``[low, high]``.

    Imaginary parts stand in it with both signs, so they are clipped to ``[-b, b]``, where ``b``
    is the smaller of ``-low`` and ``high``.

    Args:
        w: Real block matrix, shape (2 m, 2 n); left unchanged.
        low: Lower limit, not above 0.
        high: Upper limit, not below 0.
    """
    xp = array_namespace(w)
    both = min(-low, high)
    re, im = _left_blocks(w)
    return _blocks(xp.clip(re, low, high), xp.clip(im, -both, both))


def expand_vectors(x: Array, /, *, left: bool) -> Array:
    """Real stack of the vectors along the last axis: shape ``(…, n)`` becomes ``(…, 2 n)``."""
    re, im = _parts(x)
    return array_namespace(x).concat((im, re) if left else (re, im), axis=-1)


def join_vectors(y: Array, /, *, left: bool) -> Array:
    """Complex vectors of a real product: shape ``(…, 2 n)`` becomes ``(…, n)``."""
    half = y.shape[-1] // 2
    first, second = y[..., :half], y[..., half:]
    return _join(second, first) if left else _join(first, second)


def join_matrix(w: Array, /) -> Array:
    """Complex matrix whose blocks fill the left half of ``w``."""
    return _join(*_left_blocks(w))


def _blocks(re: Array, im: Array) -> Array:
    xp = array_namespace(re)
    return xp.concat((xp.concat((re, -im), axis=1), xp.concat((im, re), axis=1)), axis=0)


def _left_blocks(w: Array) -> tuple[Array, Array]:
    """Real and imaginary part."""
    rows, cols = w.shape[0] // 2, w.shape[1] // 2
    return w[:rows, :cols], w[rows:, :cols]


def _join(re: Array, im: Array) -> Array:
    xp = array_namespace(re)
    dtype = xp.complex64 if re.dtype == xp.float32 else xp.complex128
    return xp.astype(re, dtype) + 1j * xp.astype(im, dtype)


def _parts(x: Array) -> tuple[Array, Array]:
    xp = array_namespace(x)
    return (xp.real(x), xp.imag(x)) if is_complex(x) else (x, xp.zeros_like(x))
