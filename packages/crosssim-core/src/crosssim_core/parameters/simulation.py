"""How the simulator works, which does not change what it simulates."""

import warnings
from typing import Any

from pydantic import Field

from crosssim_core.errors import ParameterWarning
from crosssim_core.parameters.base import Params
from crosssim_core.parameters.enums import MatmulCriterion
from crosssim_core.parameters.legacy import CONVOLUTION_3_0
from crosssim_core.parameters.plain import AtLeastOne, Count, Positive


class ConvolutionParameters(Params):
    """Sliding windows of convolutions."""

    retired = CONVOLUTION_3_0

    is_conv_core: bool = False
    """Whether the core belongs to a convolution; set by the layer."""
    x_par: AtLeastOne = 1
    """Windows along the first image axis that one simulated product packs together."""
    y_par: AtLeastOne = 1
    """Likewise along the second axis."""
    Nwindows: AtLeastOne = 1
    """Windows of one image; set by the layer."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.retired:
            warnings.warn(
                f"{self._at(name)} is ignored: {self.retired[name].fate}.",
                ParameterWarning,
                stacklevel=2,
            )
        else:
            super().__setattr__(name, value)


class AnalyticsParameters(Params):
    """What is recorded."""

    newer = frozenset({"profile_bins"})

    profile_xbar_inputs: bool = False
    """Record digital inputs."""
    profile_adc_inputs: bool = False
    """Record what every ADC is given, digit by digit."""
    ntest: Count = 0
    """Number of examples for which CrossSim 3.2 reserves memory. Without effect: records grow."""
    profile_bins: Count = 0
    """Bins of histograms that are recorded instead of values, in constant memory; 0 for values."""


class SimulationParameters(Params):
    """How the simulator works."""

    newer = frozenset({"literal", "wires_in_gradients"})

    convolution: ConvolutionParameters = Field(default_factory=ConvolutionParameters)
    analytics: AnalyticsParameters = Field(default_factory=AnalyticsParameters)
    useGPU: bool = False
    """Compute on a GPU."""
    gpu_id: Count = 0
    """Which one."""
    Niters_max_parasitics: AtLeastOne = 100
    """Most iterations of a circuit solution, where one iterates; 200 are always allowed."""
    Verr_th_mvm: Positive = 1e-3
    """Largest voltage error of a circuit solution, where one iterates, over the largest input of
    each vector [1]; never more than 1e-6."""
    Verr_matmul_criterion: MatmulCriterion = MatmulCriterion.MAX_MAX
    """Without effect: every vector of a batch is solved by itself."""
    relaxation_gamma: Positive = 1.0
    """Without effect: circuits are not relaxed."""
    disable_fast_balanced: bool = False
    """Evaluate both halves of differential arrays by themselves."""
    disable_fast_matmul: bool = False
    """Evaluate products one vector after another."""
    disable_fast_nonlinear_IV: bool = False
    """Evaluate the current of every cell by itself."""
    hide_convergence_msg: bool = False
    """Without effect: circuits are not tried again, and tell how they were solved to the logger
    ``crosssim_core.arrays``."""
    literal: bool = False
    """Do each physical step one after another, as the oracle for everything faster."""
    wires_in_gradients: bool = True
    """Take derivatives by the inputs along the matrix that resistive wires make of the programmed
    one, rather than along the programmed one."""

    @property
    def fast_matmul(self) -> bool:
        """Whether products of many vectors are evaluated at once."""
        return not self.disable_fast_matmul
