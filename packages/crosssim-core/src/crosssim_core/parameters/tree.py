"""The whole tree."""

from collections.abc import Iterator

from pydantic import Field

from crosssim_core.parameters import rules
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.core import CoreParameters
from crosssim_core.parameters.simulation import SimulationParameters
from crosssim_core.parameters.xbar import XbarParameters


class CrossSimParameters(Params):
    """Everything that can be chosen about a simulated array.

    Conductances are over ``1 / xbar.device.Rmin``, voltages over the full-scale input, so
    currents and ADC ranges are in units of one device at full conductance and full input.

    Example:
        >>> params = CrossSimParameters()
        >>> params.core.style = "OFFSET"
        >>> params.core.stlye = "OFFSET"
        Traceback (most recent call last):
        crosssim_core.errors.UnknownParameterError: core.stlye: CoreParameters has no parameter \
'stlye'. Did you mean 'style'? Known: balanced, bit_sliced, cols_max, complex_input, \
complex_matrix, mapping, offset, output_dtype, rows_max, style, weight_bits.
    """

    core: CoreParameters = Field(default_factory=CoreParameters)
    simulation: SimulationParameters = Field(default_factory=SimulationParameters)
    xbar: XbarParameters = Field(default_factory=XbarParameters)

    def check(self) -> None:
        rules.check(self.core, self.xbar)

    def doubts(self) -> Iterator[str]:
        yield from rules.doubts(self.core, self.xbar)
