"""A part of a matrix, by index or transposition."""

from crosssim_core.cores.holder import MatrixHolder
from crosssim_core.cores.matrix import AnalogMatrix
from crosssim_core.cores.selection import Selection


class AnalogView(AnalogMatrix):
    """Some rows and columns of a core, perhaps transposed, made by ``A[…]`` and ``A.T``.

    It holds nothing itself: it is read and written through the arrays of its core, and shows
    what they hold at that time.

    Args:
        core: The core that this is a part of.
        selection: Which part.
    """

    def __init__(self, core: AnalogMatrix, selection: Selection) -> None:
        self._core = core
        self._part = selection

    @property
    def core(self) -> AnalogMatrix:
        """The core that this is a part of."""
        return self._core

    @property
    def _holder(self) -> MatrixHolder:
        return self._core._holder

    @property
    def _selection(self) -> Selection:
        return self._part

    def _view(self, selection: Selection) -> AnalogMatrix:
        return self._core._view(selection)

    def __repr__(self) -> str:
        part = self._part.text(self._holder.shape)
        return f"AnalogView(shape={self.shape}, dtype={self.dtype}, {part} of {self._core!r})"
