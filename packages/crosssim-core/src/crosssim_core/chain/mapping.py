"""How signed weights become conductances, and line currents weights again."""

from typing import Protocol

from jaxtyping import Float

from crosssim_core.chain.balanced import BalancedMapping
from crosssim_core.errors import UnsupportedError
from crosssim_core.parameters import BalancedCoreStyle, CoreStyle, CrossSimParameters
from crosssim_core.typing import Array


class Mapping(Protocol):
    """One core style.

    Weights are over the weight limit, so they lie in [-1, 1]; conductances are over the largest.
    """

    @property
    def signs(self) -> int:
        """Arrays in which one slice of the matrix is held: 2 for differential pairs, else 1."""

    @property
    def slices(self) -> int:
        """Weight slices, least significant first."""

    def conductances(
        self, w: Float[Array, "outputs inputs"], /
    ) -> Float[Array, "slices signs outputs inputs"]:
        """Target conductances, rounded to the levels of a cell [1]."""

    def weights(
        self, g: Float[Array, "slices signs outputs inputs"], /
    ) -> Float[Array, "outputs inputs"]:
        """Weights that the conductances ``g`` stand for [1]."""

    def decode(self, currents: Float[Array, "slices *lines"], /) -> Float[Array, "*lines"]:
        """Products of weights and voltages that the line currents stand for [1].

        Args:
            currents: Current of each slice, the difference of its pair if there is one [1].
        """


def make_mapping(params: CrossSimParameters) -> Mapping:
    """The mapping that ``params.core.style`` asks for.

    Raises:
        UnsupportedError: The style is not simulated yet.
    """
    if params.core.style is not CoreStyle.BALANCED:
        raise UnsupportedError(f"core.style = {params.core.style.name} is not simulated yet.")
    device = params.xbar.device
    return BalancedMapping(
        g_min=device.Gmin_norm,
        cell_bits=device.cell_bits,
        two_sided=params.core.balanced.style is BalancedCoreStyle.TWO_SIDED,
    )
