"""The converters of all arrays of a matrix, and the errors that they keep."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from crosssim_core.chain.adcs import SliceAdc
from crosssim_core.chain.mapping import Side
from crosssim_core.converters import ConverterErrors, HostArray
from crosssim_core.converters.errors import errors_of, fit, given_errors
from crosssim_core.cores.plan import ArrayPart, ArrayPlan
from crosssim_core.errors import StateError, StateWarning

Exchange = Callable[[int, ArrayPart, int, SliceAdc], SliceAdc]
"""From the number of an array, the array, a weight slice and its converter to another one."""


def exchanged(plan: ArrayPlan, side: Side, exchange: Exchange, /) -> ArrayPlan:
    """The same arrays with other converters in one direction."""
    numbers = iter(range(len(plan.arrays)))

    def changed(part: ArrayPart) -> ArrayPart:
        number, read = next(numbers), part.reads[side]
        adcs = tuple(
            None if adc is None else exchange(number, part, index, adc)
            for index, adc in enumerate(read.adcs)
        )
        return replace(part, reads={**part.reads, side: replace(read, adcs=adcs)})

    return replace(plan, parts=tuple(tuple(map(changed, row)) for row in plan.parts))


def kept_errors(plan: ArrayPlan, sides: Iterable[Side], /) -> dict[str, HostArray]:
    """Copies of the errors that converters hand over, as ``adc_<side>_<array>_<slice>_<name>``."""
    return {
        _place(side, number, index) + name: values
        for side in sides
        for number, part in enumerate(plan.arrays)
        for index, adc in enumerate(part.reads[side].adcs)
        if adc is not None
        for name, values in errors_of(adc.model).items()
    }


def with_errors(
    plan: ArrayPlan, sides: Iterable[Side], errors: ConverterErrors, *, others_too: bool = True
) -> ArrayPlan:
    """The same arrays with converters that have these errors.

    Those of converters about which ``errors`` says nothing stay as they were drawn.

    Args:
        plan: The arrays.
        sides: Directions of the product.
        errors: As `kept_errors` tells them.
        others_too: Whether errors that fit no converter are refused rather than left out.

    Raises:
        StateError: Some are.
    """
    left = dict(errors)
    for side in sides:

        def exchange(
            number: int, part: ArrayPart, index: int, adc: SliceAdc, side: Side = side
        ) -> SliceAdc:
            place = _place(side, number, index)
            own = {n.removeprefix(place): left.pop(n) for n in list(left) if n.startswith(place)}
            if not own or not (others_too or fit(errors_of(adc.model), own)):
                return adc
            return replace(adc, model=given_errors(adc.model, own))

        plan = exchanged(plan, side, exchange)
    if left and others_too:
        raise StateError(f"no converter is there for {', '.join(sorted(left))}.")
    return plan


def _place(side: Side, number: int, index: int) -> str:
    return f"adc_{side}_{number}_{index}_"


def versions(
    plans: Iterable[ArrayPlan], sides: Iterable[Side], /, *, redrawn: bool = False
) -> dict[str, str]:
    """Versions of the distributions that converters come from, by their names.

    Args:
        plans: Arrays.
        sides: Directions of the product.
        redrawn: Leave out converters that have drawn no errors, or hand them over.
    """
    wanted = tuple(sides)
    return dict(
        adc.made_by
        for plan in plans
        for part in plan.arrays
        for side in wanted
        for adc in part.reads[side].adcs
        if adc is not None and (adc.redrawn or not redrawn)
    )


def warn_of_versions(saved: Mapping[str, str], here: Mapping[str, str], /) -> None:
    """Warn if converters that keep no errors came from other versions than those ``here``.

    Warns:
        StateWarning: One does.
    """
    for name, version in saved.items():
        if here.get(name, version) != version:
            warnings.warn(
                f"A chip was saved with {name} {version}, and {here[name]} is installed: errors "
                "of its converters, which keep none and are drawn again from the seed, may differ.",
                StateWarning,
                stacklevel=3,
            )
