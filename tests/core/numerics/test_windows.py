import numpy as np
import pytest

from crosssim_core.errors import ShapeError
from crosssim_core.numerics.windows import pad_image, windows

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("mode", MODES)
def test_padding_agrees_with_numpy(xp, mode):
    x = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    got = pad_image(xp.asarray(x.copy()), widths=((1, 2), (3, 0)), mode=mode)
    want = np.pad(x, ((0, 0), (0, 0), (1, 2), (3, 0)), mode=MODES[mode])
    np.testing.assert_array_equal(np.asarray(got), want)


def test_windows_list_channels_then_the_kernel_row_by_row(xp):
    x = np.arange(1 * 2 * 5 * 6.0).reshape(1, 2, 5, 6)
    got = windows(xp.asarray(x.copy()), kernel=(2, 3), stride=(2, 1), dilation=(1, 2))
    want = [x[0, :, row : row + 2, col : col + 5 : 2].ravel() for row in (0, 2) for col in (0, 1)]
    np.testing.assert_array_equal(np.asarray(got)[0], want)


def test_a_kernel_larger_than_the_image_is_refused():
    with pytest.raises(ShapeError, match="does not fit"):
        windows(np.zeros((1, 1, 3, 3)), kernel=(2, 4), stride=(1, 1), dilation=(1, 1))


@pytest.mark.parametrize("mode", ["reflect", "circular"])
def test_padding_beyond_what_an_image_can_give_is_refused(mode):
    with pytest.raises(ShapeError, match=mode):
        pad_image(np.zeros((1, 1, 3)), widths=((4, 0),), mode=mode)
