"""What to say when a name stands for no model, or for two."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from crosssim_core.errors import PluginError, UnknownModelError
from crosssim_core.plugins.discovery import RESTRICTION, Plugin, PluginProblem
from crosssim_core.plugins.entries import InstalledModel

FAMILY_NAMES = {"device": "device", "adc": "ADC", "dac": "DAC"}

SUPPLIER = "crosssim-devices"

SUPPLIED: Mapping[str, frozenset[str]] = {
    "device": frozenset(
        {
            "CellVariation",
            "Chain",
            "CubicDevice",
            "DeadLines",
            "MeasuredDevice",
            "NormalIndependentDevice",
            "NormalInverseProportionalDevice",
            "NormalProportionalDevice",
            "PCMJoshi",
            "PowerLawDrift",
            "RRAMMilo",
            "RRAMWan",
            "SONOS",
            "StuckCells",
            "ThermalConductance",
            "UniformIndependentDevice",
            "UniformInverseProportionalDevice",
            "UniformProportionalDevice",
        }
    ),
    "adc": frozenset(
        {"CyclicADC", "PipelineADC", "QuantizerADC", "RampADC", "SarADC", "SignMagnitudeADC"}
    ),
    "dac": frozenset({"QuantizerDAC", "SignMagnitudeDAC"}),
}
"""Models that ``SUPPLIER`` brings, by family."""


def unknown_model(
    family: str,
    name: str,
    known: Iterable[str],
    problems: Iterable[PluginProblem] = (),
    left_out: Iterable[Plugin] = (),
) -> UnknownModelError:
    """Error that says what was asked, what is near, what exists and who is to blame.

    Args:
        family: ``"device"``, ``"adc"`` or ``"dac"``.
        name: The name that was asked for.
        known: Names of the installed models of the family.
        problems: Plugins that could not be used.
        left_out: Plugins that the environment variable leaves out.
    """
    known = sorted(known)
    problems, left_out = tuple(problems), tuple(left_out)
    lines = [f"No {FAMILY_NAMES[family]} model is named {name!r}."]
    near = _nearest(name, {*known, *SUPPLIED[family]})
    missing = near is not None and near not in known
    if near is not None and near != name:
        lines.append(f"Did you mean {near!r}?")
    lines.append(f"Installed models: {', '.join(known)}.")

    plugin = name.partition(".")[0]
    blamed = [p for p in problems if p.plugin == plugin]
    if missing:
        blamed += [p for p in problems if p.distribution == SUPPLIER]
    elif near is None and "." not in name:
        blamed = list(problems)
    for problem in blamed:
        lines.append(_blame(problem))

    absent = [p for p in left_out if p.name == plugin or (missing and p.distribution == SUPPLIER)]
    for out in absent:
        lines.append(
            f"Plugin {out.name!r} ({out.distribution}) is installed but not named by the "
            f"environment variable {RESTRICTION}."
        )
    if missing and not blamed and not absent:
        lines.append(f"{near!r} comes with {SUPPLIER}: install it with 'pip install {SUPPLIER}'.")
    return UnknownModelError(" ".join(lines))


def clashing_model(claim: Sequence[InstalledModel]) -> PluginError:
    """Error that names everybody who claims one name."""
    model = claim[0]
    owners = " and ".join(f"{m.distribution} (plugin {m.plugin!r})" for m in claim)
    return PluginError(
        f"{FAMILY_NAMES[model.family]} model {model.entry.name!r} is claimed by {owners}. "
        f"Uninstall one of them, or choose plugins with the environment variable {RESTRICTION}."
    )


def _nearest(name: str, candidates: Iterable[str]) -> str | None:
    folded = {candidate.casefold(): candidate for candidate in candidates}
    close = difflib.get_close_matches(str(name).casefold(), folded, n=1)
    return folded[close[0]] if close else None


def _blame(problem: PluginProblem) -> str:
    if not problem.distribution:
        return _sentence(str(problem))
    return _sentence(
        f"Plugin {problem.plugin!r} ({problem.distribution}) is installed but failed to load: "
        f"{type(problem.error).__name__}: {problem.error}"
    )


def _sentence(text: str) -> str:
    return text.rstrip(". ") + "."
