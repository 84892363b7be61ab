"""Noise that is given instead of drawn, and plain ways to look at arrays."""

from dataclasses import dataclass, field

import numpy as np

from crosssim_core._array import as_host, from_host


@dataclass
class Injected:
    """A source of noise that hands out given numbers, one array for each draw."""

    draws: list = field(default_factory=list)

    @classmethod
    def of(cls, *draws):
        """A source for these draws, in order."""
        return cls([np.asarray(draw, dtype=np.float64) for draw in draws])

    def normal_like(self, x, /):
        """The next numbers."""
        draw = np.array(np.broadcast_to(self.draws.pop(0), x.shape))
        return from_host(draw, like=x, dtype=x.dtype)

    uniform_like = normal_like


def given(xp, values, dtype="float64"):
    """Array of ``values`` in the library ``xp``."""
    host = np.asarray(values)
    return xp.reshape(xp.asarray(host.tolist(), dtype=getattr(xp, dtype)), host.shape)


def assert_close(x, want, *, tolerance=1e-8, dtype=None):
    """The elements of ``x`` are those of ``want``, up to ``tolerance``."""
    if dtype is not None:
        assert str(x.dtype).rpartition(".")[2] == dtype
    np.testing.assert_allclose(
        as_host(x), np.asarray(want, dtype=np.float64), rtol=0, atol=tolerance
    )
