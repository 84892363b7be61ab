"""Products of explicit vectors, which hold each value of an image as often as windows do."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from crosssim_core.chain.product import MATRIX_PRODUCT, ArrayProduct
from crosssim_core.cores import ProgrammedArrays
from crosssim_core.layers.layout import Layout
from crosssim_core.numerics.chunks import chunks
from crosssim_core.typing import Array


def read_vectors(
    arrays: ProgrammedArrays,
    layout: Layout,
    x: Array,
    /,
    *,
    product: ArrayProduct = MATRIX_PRODUCT,
    data: Callable[[], Array] | None = None,
) -> Any:
    """The output of a layer for ``x``, without a digital bias.

    Vectors are made and read for some images at a time, so that memory does not grow with
    inputs × positions × images. Only where one input scale follows from all vectors of a call
    they are needed together.

    Args:
        arrays: The programmed matrix.
        layout: How data become vectors and products an output.
        x: As the layout takes it, in the floating-point type of the arrays.
        product: Whose arithmetic tells how many numbers there may be at once.
        data: Tells what to record as the digital inputs; ``x`` if None.
    """
    pieces: Iterator[Array] = iter((x,))
    if layout.batched(x) and not arrays.scale_of_call("mvm"):
        room = product.arithmetic.room(x, arrays.like_noise("mvm"))
        pieces = _pieces(x, layout, room)
    products = arrays.read_in_pieces(
        map(layout.vectors, pieces), "mvm", data=(lambda: x) if data is None else data
    )
    return layout.outputs(products, x)


def _pieces(x: Array, layout: Layout, room: int) -> Iterator[Array]:
    """As many images at once as have vectors and products of up to ``room`` numbers, or one."""
    images = x.shape[0]
    outputs, inputs = layout.shape
    # Whether images are padded or stretched, only the layout knows.
    vectors = prod(layout.vectors(x[:1, ...]).shape[:-1]) if images else 0
    at_once = room // max(1, vectors * max(outputs // layout.stack, inputs))
    for some in chunks(max(1, images), at_once=at_once):
        yield x[some, ...] if images else x
