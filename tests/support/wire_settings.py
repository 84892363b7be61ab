"""Settings of arrays whose wires resist."""

WIRES = {
    "xbar.array.parasitics.enable": True,
    "xbar.array.parasitics.Rp_row": 12.0,
    "xbar.array.parasitics.Rp_col": 7.0,
    "xbar.array.parasitics.Rp_col_terminal": 30.0,
}
SHARED = {"core.balanced.interleaved_posneg": True}
SUPPLY = {
    "xbar.array.parasitics.current_from_input": False,
    "xbar.dac.mvm.model": "SignMagnitudeDAC",
    "xbar.dac.mvm.bits": 4,
    "xbar.dac.mvm.input_bitslicing": True,
}
