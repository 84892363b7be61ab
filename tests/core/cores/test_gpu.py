"""Cores that are asked to compute on a GPU."""

import numpy as np
import pytest
from analog_settings import tree
from on_gpu import copied_for_tests, cupy_namespace

from crosssim_core import AnalogCore
from crosssim_core._array import as_host

A = np.array([[1, -0.5, 0.25], [0.3, 0.8, -1]])
X = np.array([1, -0.5, 0.75])


@pytest.mark.gpu("cupy")
def test_a_matrix_of_numpy_goes_to_the_gpu_where_parameters_ask_for_it():
    cp = cupy_namespace()
    core = AnalogCore(A, tree(simulation__useGPU=True))
    assert isinstance(core.get_matrix(), cp.ndarray)
    product = core @ cp.asarray(X)
    assert isinstance(product, cp.ndarray)
    np.testing.assert_allclose(as_host(product), A @ X, rtol=1e-13)
    np.testing.assert_allclose(as_host(core @ [1, -0.5, 0.75]), A @ X, rtol=1e-13)
    assert isinstance(AnalogCore.from_state(core.state()).get_matrix(), cp.ndarray)


@pytest.mark.gpu("cupy")
def test_vectors_on_the_gpu_multiply_from_the_left():
    cp = cupy_namespace()
    product = cp.asarray([0.6, -1.0]) @ AnalogCore(cp.asarray(A))
    np.testing.assert_allclose(as_host(product), [0.6, -1.0] @ A, rtol=1e-13)


class OnGpu:
    """What CuPy's arrays offer, without a GPU."""

    __array__ = copied_for_tests

    def get(self):
        return A


def test_only_tests_get_numpy_arrays_of_a_gpu_unasked():
    np.testing.assert_array_equal(np.asarray(OnGpu()), A)
    np.testing.assert_array_equal(OnGpu(), A)
    code = compile("import numpy as np\nnp.concatenate([np.asarray(x)])", "planted", "exec")
    with pytest.raises(TypeError, match=r"crosssim_core\.planted"):
        exec(code, {"__name__": "crosssim_core.planted", "x": OnGpu()})
