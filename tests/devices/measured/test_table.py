"""Tables of measurements: what is read from them, and what is said about bad ones."""

import numpy as np
import pytest

from crosssim_core.errors import ParameterError
from crosssim_devices.measured import read_measurements

GOOD = """\
# Cells of lot 7
target [uS],time [d],mean [uS],standard deviation [uS],read noise [nS]

0,0,0.0,0.01,5
1,0,1.1,0.02,6
0,2,0.1,0.03,7
1,2,0.9,0.04,8
"""


def written(tmp_path, text, name="cells.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_text(text, encoding=encoding)
    return path


def test_a_table_is_read_with_its_units(tmp_path):
    table = read_measurements(written(tmp_path, GOOD))
    assert table.time_unit == "d"
    np.testing.assert_allclose(table.targets, [0, 1e-6])
    np.testing.assert_allclose(table.times, [0, 2])
    np.testing.assert_allclose(table.mean, [[0, 1.1e-6], [1e-7, 0.9e-6]])
    np.testing.assert_allclose(table.deviation, [[1e-8, 2e-8], [3e-8, 4e-8]])
    np.testing.assert_allclose(table.read_noise, [[5e-9, 6e-9], [7e-9, 8e-9]])


def test_columns_lines_and_spaces_may_come_in_any_order(tmp_path):
    text = """\
Standard  Deviation [S] , Time[s], MEAN [mS],target [µS]
 2e-8, 10, 1.1e-3 , 1
 1e-8, 10, 0, 0
"""
    table = read_measurements(written(tmp_path, text, encoding="utf-8-sig"))
    assert table.time_unit == "s"
    assert table.read_noise is None
    np.testing.assert_allclose(table.mean, [[0, 1.1e-6]])
    np.testing.assert_allclose(table.deviation, [[1e-8, 2e-8]])


def test_a_file_that_changes_is_read_again(tmp_path):
    path = written(tmp_path, GOOD)
    first = read_measurements(path)
    assert read_measurements(str(path)) is first
    written(tmp_path, GOOD.replace("1.1", "1.15"))
    assert read_measurements(path).mean[0, 1] == pytest.approx(1.15e-6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1,0,1.1,0.02,6", "1,0,one,0.02,6", r"line 5, column 'mean \[uS\]'.*number, got 'one'"),
        ("1,0,1.1,0.02,6", "1,0,,0.02,6", r"line 5, column 'mean \[uS\]'.*number, got ''"),
        ("1,0,1.1,0.02,6", "1,0,nan,0.02,6", r"line 5, column 'mean \[uS\]'.*finite.*'nan'"),
        ("1,0,1.1,0.02,6", "1,0,inf,0.02,6", r"line 5.*finite number, got 'inf'"),
        ("1,0,1.1,0.02,6", "1,0,1.1,-0.02,6", r"line 5, column 'standard deviation \[uS\]'.*neg"),
        ("1,0,1.1,0.02,6", "1,-1,1.1,0.02,6", r"line 5, column 'time \[d\]'.*not negative"),
        ("1,0,1.1,0.02,6", "1,0,1.1,0.02", "line 5: expected 5 values.* got 4"),
        ("1,0,1.1,0.02,6", "1,0,1.1,0.02,6,7", "line 5: expected 5 values.* got 6"),
        ("1,0,1.1,0.02,6", "1;0;1.1;0.02;6", "line 5: expected 5 values.* got 1"),
        ("0,2,0.1", "1,0,0.1", "line 6: .*target 1 uS at time 0 d is in line 5 already"),
        ("0,2,0.1", "0,3,0.1", "expected a line for target 1 uS at time 2 d|0 uS at time 2 d"),
        ("1,2,0.9", "1,2,0.1", r"line 7, column 'mean \[uS\]'.*above that .* in line 6"),
        ("target [uS]", "target", r"line 2, column 'target'.*unit in brackets, such as 'mean"),
        ("target [uS]", "goal [uS]", r"line 2, column 'goal \[uS\]'.*names are: target, time"),
        ("target [uS]", "target [V]", r"line 2, column 'target \[V\]'.*units uS"),
        ("time [d]", "time [weeks]", r"line 2, column 'time \[weeks\]'.*units s, min, h, d"),
        ("target [uS]", "mean [uS]", "line 2: expected the column 'mean' once"),
        ("standard deviation [uS]", "read noise [uS]", "line 2: expected the column 'read noise'"),
    ],
)
def test_a_bad_table_is_told_where_and_what_is_expected(tmp_path, old, new, said):
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ParameterError, match=said) as caught:
        read_measurements(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty; expected a header: target \\[uS\\],time \\[s\\]"),
        ("# nothing\n\n", "the file is empty"),
        ("target [uS];time [d];mean [uS]\n", "line 1: expected columns .* separated by commas"),
        ("target [uS],time [d],mean [uS]\n", "line 1: expected a column 'standard deviation'"),
        ("target [uS],time [d],mean [uS],standard deviation [uS]\n", "2 targets, got 0"),
        ("target [uS],time [d],mean [uS],standard deviation [uS]\n1,0,1,0\n", "targets, got 1"),
    ],
)
def test_a_table_without_content_is_refused(tmp_path, text, said):
    with pytest.raises(ParameterError, match=said):
        read_measurements(written(tmp_path, text))


def test_a_missing_file_says_where_paths_start(tmp_path):
    with pytest.raises(ParameterError, match=r"none\.csv.*No such file.*working directory"):
        read_measurements(tmp_path / "none.csv")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ParameterError, match=r"no CSV text"):
        read_measurements(path)
