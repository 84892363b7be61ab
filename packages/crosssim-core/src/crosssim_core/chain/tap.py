"""Seeing the values within a read, without changing them."""

from typing import Literal, NamedTuple, Protocol

from jaxtyping import Float

from crosssim_core.typing import Array

Shown = Literal["digits", "conversions"]
"""What a tap is shown: the currents of every input digit, or what the ADCs are given, which is
their sum over the digits where that sum is converted."""


class Place(NamedTuple):
    """Where in a grid of arrays a value was seen."""

    array: int
    """Number of the array, row by row of the matrix."""
    slice: int
    """Weight slice, 0 being the least significant."""
    digit: int
    """Input digit, 0 being the least significant; 0 for the whole input and for sums of digits."""


class Tap(Protocol):
    """What is shown the values of one read as it happens; the read itself stays as it is."""

    @property
    def shows(self) -> Shown:
        """What `see` is called with."""

    def see(self, place: Place, lines: list[Float[Array, "*lines"]], /, *, axis: int) -> None:
        """Take note of line currents before they are converted [1].

        Args:
            place: Whose they are.
            lines: After saturation and analog subtraction: of one line for each output, or of
                two, the positive ones first, where a pair is subtracted digitally. A unit line
                comes before the outputs. They are not to be changed or kept.
            axis: Where the outputs lie.
        """


def digit_by_digit(tap: Tap | None, *, adc_per_digit: bool) -> bool:
    """Whether ``tap`` is to be shown the currents of every digit."""
    return tap is not None and (adc_per_digit or tap.shows == "digits")
