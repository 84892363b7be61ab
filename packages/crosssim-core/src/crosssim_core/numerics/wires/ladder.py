r"""Output lines with a supply line beside them: exact, one cell after another.

Cells are rungs between supply and output line. Supply currents are known from the total T and
the output current C, so the two lines collapse into one ladder. Its part up to a rung is a
Norton equivalent, ``C = (1 − N) T + β − Q u``, whose drop along the supply line is
``X T + y + (1 − N)ᵀ u``; u is minus the voltage across a rung. For a pair of supply lines on one
output line all of them are 2×2 matrices, which lie on the first two axes here; for a single
supply line 1×1. Q is that of conductances ``p`` to ground and ``c`` between the pair.

A segment ``a`` of the supply line and ``b`` of the output line, between two rungs whose sources
differ by Δ, change them by (i for a sign, j for the other, k for any; D = p₀ p₁ + c (p₀ + p₁) the
determinant of Q, s = 1ᵀ(1 − N))::

    λ   = 1 + a (p₀ + p₁ + 2c) + b (p₀ + p₁) + a (a + 2b) D
    p'  = (p + a D) / λ + g        c' = (c + b D) / λ
    Nᵢₖ' = (Nᵢₖ (1 + a (pⱼ + c) + b (p₀ + p₁)) + a c Nⱼₖ + b pᵢ sₖ + a b D) / λ
    sₖ' = (sₖ (1 + a (p₀ + p₁ + 2c)) + a (p₀ N₀ₖ + p₁ N₁ₖ) + a² D) / λ
    X'  = X + a Nᵀ N' + b sᵀ s'
    β'  = F (β − Q Δ)              y' = y − a Nᵀ β' + b sᵀ 1ᵀ β' + (1 − N)ᵀ Δ

with ``F = (1 + Q (a + b 1 1ᵀ))⁻¹``. For a single supply line p₁, c and D are 0. Nothing cancels
where no source differs, and nothing overflows however strongly a line attenuates.

Source: Kirchhoff's laws along both lines.
"""

from dataclasses import dataclass

from jaxtyping import Float

from crosssim_core._array import array_namespace, device_of
from crosssim_core.numerics import compiled
from crosssim_core.numerics.wires.ladder_loops import SMALLEST, pair_currents, single_currents
from crosssim_core.typing import Array

Rungs = Float[Array, "rungs signs #vectors #lines"]
"""Something for each rung; lines are independent, and so are vectors."""

Square = Float[Array, "signs signs vectors lines"]
"""A small matrix for each line and vector."""

Column = Float[Array, "signs 1 vectors lines"]
"""A small vector for each line and vector."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Resistance of the segments of the two lines, over ``Rmin`` [1]."""

    supply: float
    """Between two rungs."""
    supply_first: float
    """Before the first rung."""
    output: float
    """Between two rungs."""
    output_last: float
    """Behind the last rung, to ground."""

    def supplies(self, rungs: int) -> list[float]:
        """Segments of the supply line, each before its rung."""
        return [self.supply_first, *[self.supply] * (rungs - 1)]

    def outputs(self, rungs: int) -> list[float]:
        """Segments of the output line, each behind its rung."""
        return [*[self.output] * (rungs - 1), self.output_last]


def line_currents(
    g: Rungs, on: Float[Array, "rungs 1 vectors 1"], emf: Rungs | None, segments: Segments, /
) -> Float[Array, "vectors lines"]:
    """Current into ground of every output line.

    Args:
        g: Conductances of the rungs over the largest one [1].
        on: Which of them conduct, as 0 and 1.
        emf: Sources in series with the rungs; None for 1 in each, −1 for the second sign.
        segments: Of the lines.
    """
    xp, pair = array_namespace(g), g.shape[1] == 2
    lines = xp.empty((on.shape[2], g.shape[-1]), dtype=g.dtype, device=device_of(g))
    a, first, b, last = map(
        float, (segments.supply, segments.supply_first, segments.output, segments.output_last)
    )
    loops = pair_currents if pair else single_currents
    if compiled.run(loops, g, on, emf, a, first, b, last, lines):
        return lines
    if emf is None and not pair:
        return _single_line_currents(g[:, 0, ...], on[:, 0, ...], segments)
    march = _March(g[0, ...] * on[0, ...], None if emf is None else emf[0, ...], segments)
    for rung in range(1, g.shape[0]):
        march.pass_segment(None if emf is None else emf[rung, ...])
        march.add_rung(g[rung, ...] * on[rung, ...])
    return _sum(march.totals(), 0)[0, 0, ...]


def _single_line_currents(
    g: Float[Array, "rungs #vectors lines"], on: Float[Array, "rungs vectors 1"], segments: Segments
) -> Float[Array, "vectors lines"]:
    """The same for single supply lines at voltage 1, the case with the most cells.

    These are the recurrences of `_March` for numbers, with as few passes over memory as they take.
    """
    xp = array_namespace(g)
    a, b = segments.supply, segments.output
    q = g[0, ...] * on[0, ...]
    q = xp.where(q < SMALLEST, SMALLEST, q)
    n = xp.ones_like(q)
    x = segments.supply_first * n
    leaked = xp.zeros_like(q)
    for rung in range(1, g.shape[0]):
        f = q * (a + b)
        f += 1
        f = 1 / f
        ahead = q * b
        ahead += n
        ahead *= f
        n *= ahead
        n *= a
        x += n
        n = ahead
        beyond = 1 - n
        leaked *= beyond
        leaked *= b
        x += leaked
        leaked = beyond
        q *= f
        q += g[rung, ...] * on[rung, ...]
    return 1 / (x + segments.output_last + n * n / q)


def rung_voltages(
    g: Float[Array, "rungs signs vectors lines"],
    injected: Float[Array, "rungs signs vectors lines"] | None,
    emf: Rungs,
    segments: Segments,
    /,
) -> Float[Array, "rungs signs vectors lines"]:
    """Voltage d across every rung, where a rung conducts ``injected + g · d``.

    Args:
        g: Conductance of the rungs [1]; may be negative where a tangent is.
        injected: Current of the rungs at no voltage [1]; None for none.
        emf: Sources in series with the rungs.
        segments: Of the lines.
    """
    xp = array_namespace(g)
    rungs = g.shape[0]
    march = _March(g[0, ...], emf[0, ...], segments)
    if injected is not None:
        march.beta = march.beta + injected[0, :, None, ...]
    passed = []
    for rung in range(1, rungs):
        march.pass_segment(emf[rung, ...])
        passed.append((march.n, march.beta, march.q))
        march.add_rung(g[rung, ...])
        if injected is not None:
            march.beta = march.beta + injected[rung, :, None, ...]
    totals = march.totals()
    u = _times(march.inverse_q(), march.beta - _times(march.n, totals))
    voltages = [-u[:, 0, ...]]
    for rung in range(rungs - 2, -1, -1):
        n, beta, fq = passed.pop()
        current = totals - _times(n, totals) + beta - _times(fq, u)
        drop = segments.supply * (current - totals) + segments.output * _sum(current, 0)
        u = u + drop + (emf[rung + 1, ...] - emf[rung, ...])[:, None, ...]
        voltages.append(-u[:, 0, ...])
    voltages.reverse()
    return xp.stack(voltages)


class _March:
    """The ladder up to some rung."""

    def __init__(self, g: Array, emf: Array | None, segments: Segments) -> None:
        xp = array_namespace(g)
        self.segments = segments
        self.emf = emf
        signs = g.shape[0]
        identity = xp.eye(signs, dtype=g.dtype, device=device_of(g))[:, :, None, None]
        self.apart: Array = xp.where(xp.abs(g) < SMALLEST, SMALLEST, g)
        """Conductances to ground, shape (signs, vectors, lines)."""
        self.between: Array = xp.zeros_like(self.apart[0, ...])
        """Conductance between the lines of a pair, shape (vectors, lines)."""
        self.n: Square = identity + 0.0 * self.apart
        self.x: Square = segments.supply_first * self.n
        self.leaked = xp.zeros_like(self.apart)
        """What of a unit total flows in the output line already, the s above."""
        self.beta: Column = xp.zeros_like(self.n[:, :1, ...])
        self.y: Column = self.beta

    @property
    def q(self) -> Square:
        """The matrix Q."""
        if self.n.shape[0] == 1:
            return self.apart[:, None, ...]
        whole = self.apart + self.between
        return _square(whole[0, ...], -self.between, -self.between, whole[1, ...])

    def pass_segment(self, emf: Array | None) -> None:
        """Go to the next rung, whose source is ``emf``."""
        a, b = self.segments.supply, self.segments.output
        p, c, n, leaked = self.apart, self.between, self.n, self.leaked
        pair = n.shape[0] == 2
        total = p[0, ...] + p[1, ...] if pair else p[0, ...]
        determinant = self._determinant()
        alone = 1 + a * (total + 2 * c)
        scale = 1 / (alone + b * total + (a * (a + 2 * b)) * determinant)
        more = n * (1 + b * total) + (b * p)[:, None, ...] * leaked
        if pair and a > 0:
            xp = array_namespace(n)
            more += a * (xp.flip(p, axis=0) + c)[:, None, ...] * n
            more += (a * c) * xp.flip(n, axis=0) + (a * b) * determinant
        more *= scale
        beyond = leaked * alone + a * _sum(p[:, None, ...] * n, 0)[0, ...] + a**2 * determinant
        beyond *= scale
        if a > 0:
            self.x += a * _times_transposed(n, more)
        if b > 0:
            self.x += b * (leaked[:, None, ...] * beyond[None, ...])
        if emf is not None and self.emf is not None:
            self._pass_source(scale, (emf - self.emf)[:, None, ...])
            self.emf = emf
        self.n, self.leaked = more, beyond
        self.apart = (p + a * determinant) * scale
        self.between = (c + b * determinant) * scale

    def _determinant(self) -> Array:
        """Of Q, for a pair; 0 else."""
        p, c = self.apart, self.between
        if p.shape[0] == 1:
            return c
        return p[0, ...] * p[1, ...] + c * (p[0, ...] + p[1, ...])

    def _pass_source(self, scale: Array, delta: Column) -> None:
        a, b = self.segments.supply, self.segments.output
        change = self.beta - _times(self.q, delta)
        beta = scale * change
        if self.n.shape[0] == 2:
            xp = array_namespace(change)
            p, c, other = self.apart[:, None, ...], self.between, xp.flip(change, axis=0)
            across = xp.flip(p, axis=0) * change - p * other
            beta = scale * (
                change + a * (xp.flip(p, axis=0) * change + c * (change + other)) + b * across
            )
        self.y = self.y + delta - _times_transposed(self.n, a * beta + delta)
        self.y += b * self.leaked[:, None, ...] * _sum(beta, 0)
        self.beta = beta

    def add_rung(self, g: Array) -> None:
        """Join a rung of this conductance."""
        self.apart = self.apart + g

    def inverse_q(self) -> Square:
        """The inverse of Q."""
        if self.n.shape[0] == 1:
            return 1 / self.apart[:, None, ...]
        whole = self.apart + self.between
        scale = 1 / self._determinant()
        off = self.between * scale
        return _square(whole[1, ...] * scale, off, off, whole[0, ...] * scale)

    def totals(self) -> Column:
        """Currents of the supply lines, the output line being grounded."""
        by_n = _times_transposed(self.n, self.inverse_q())
        s = self.x + self.segments.output_last + _times(by_n, self.n)
        if self.emf is None:
            xp = array_namespace(s)
            ends = xp.ones_like(self.y)
            ends[1:, ...] = -1.0
        else:
            ends = _times(by_n, self.beta) + self.emf[:, None, ...] - self.y
        return _times(_inverse(s), ends)


def _square(a: Array, b: Array, c: Array, d: Array) -> Square:
    """``[[a, b], [c, d]]``."""
    xp = array_namespace(a)
    return xp.stack([xp.stack((a, b)), xp.stack((c, d))])


def _sum(x: Array, axis: int) -> Array:
    """Sum over one of the first two axes, which stays."""
    if x.shape[axis] == 1:
        return x
    return x[:1, ...] + x[1:, ...] if axis == 0 else x[:, :1, ...] + x[:, 1:, ...]


def _times(x: Square, y: Array) -> Array:
    product = x[:, :1, ...] * y[:1, ...]
    if x.shape[0] == 2:
        product += x[:, 1:, ...] * y[1:, ...]
    return product


def _times_transposed(x: Square, y: Array) -> Array:
    """Product of the transpose of ``x`` with ``y``."""
    product = x[0, :, None, ...] * y[:1, ...]
    if x.shape[0] == 2:
        product += x[1, :, None, ...] * y[1:, ...]
    return product


def _inverse(x: Square) -> Square:
    if x.shape[0] == 1:
        return 1 / x
    determinant = x[0, 0, ...] * x[1, 1, ...] - x[0, 1, ...] * x[1, 0, ...]
    adjugate = _square(x[1, 1, ...], -x[0, 1, ...], -x[1, 0, ...], x[0, 0, ...])
    adjugate /= determinant
    return adjugate
