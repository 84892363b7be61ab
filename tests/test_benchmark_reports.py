"""Benchmarks run as told, find a ratio for each case, and share one table and one file."""

import importlib
import io
from unittest import mock

import bench_adcs
import bench_groups
import bench_layers
import bench_resnet20
import bench_resnet50
import pytest
import report
import runner
import torch
import typer
from report import Report, Row, Section
from rich.console import Console

from crosssim_core.numerics import compiled

pytest.importorskip("crosssim_devices", reason="the converters are models of that package")

TINY = {
    "adcs": {"images": 1, "channels": 2, "size": 2},
    "core": {"size": 4},
    "groups": {"channels": (2, 2, 2), "states": (2, 2, 2), "size": 2},
    "growth": {"batch": 1, "size": 1},
    "layers": {"features": 3, "channels": 2, "size": 2},
    "resnet20": {"batch": 1, "size": 4},
    "resnet50": {"device": "cpu", "batch": 1, "size": 4, "blocks": (1, 1, 1, 1), "width": 1},
    "wired_network": {"images": 1, "narrow": (2, 2, 2), "full": (3, 3, 3), "size": 4},
    "wires": {"size": 8},
}
"""Sizes of each benchmark."""


def kinds(*names):
    """Cases of a layer with and without derivatives."""
    return ["PyTorch", *names, *(f"{name}, derivatives" for name in ("PyTorch", *names))]


def named(cases):
    return [case.name for case in cases]


SHAPES = ["2×2", "4×4", "8×8", "8×36", "36×8"]
LOOPS = ["compiled loops", "array code"] if compiled.loops_compiler() else ["array code"]
CASES = {
    "adcs": [["PyTorch", *bench_adcs.CASES]],
    "core": [["NumPy", "8-bit DAC and ADC"]],
    "groups": [kinds(*bench_groups.KINDS)] * 3 + [kinds(*bench_groups.GRU_KINDS)] * 3,
    "growth": [
        [f"{series}: {number}" for number in (1, 2, 4, 7 if series == "digits" else 8)]
        for series in ("images", "digits", "slices", "partitions")
    ],
    "layers": [["PyTorch", *bench_layers.SETTINGS]] * 2,
    "resnet20": [
        ["PyTorch", *named(bench_resnet20.CASES)],
        ["PyTorch", bench_resnet20.TRAINING.name],
    ],
    "resnet50": [["PyTorch", *named(bench_resnet50.CASES)]],
    "wired_network": [["PyTorch", "arrays of 1152×256"]] * 2,
    "wires": [
        [f"{shape}{pairs}" for shape in SHAPES for pairs in ("", ", pairs on shared lines")],
        *[["1×1", "2×2", "4×4", "8×8", "16×16"]] * 2,
        [
            *("ideal", "input lines", "input lines, nonlinear", "supply lines, nonlinear"),
            *(
                f"{name}, {how}"
                for name in (
                    "input lines, fresh noise",
                    "input lines, fresh noise, 4×4, 1e-4",
                    "supply lines",
                    "supply lines, signed digits",
                    "supply lines, pairs",
                )
                for how in LOOPS
            ),
        ],
        ["ideal", "wires", "wires, pairs on shared lines", "wires, slices"],
    ],
}
"""Cases of each section of each benchmark."""


@pytest.mark.parametrize("name", runner.names())
def test_a_benchmark_finds_a_ratio_for_each_case(name, tmp_path):
    threads = torch.get_num_threads()
    benchmark = importlib.import_module(f"bench_{name}")
    found = runner.measured(benchmark.results, rounds=1, **TINY[name])
    assert torch.get_num_threads() == threads
    assert [[row.case for row in section.rows] for section in found.sections] == CASES[name]
    rows = [row for section in found.sections for row in section.rows]
    assert all(row.milliseconds > 0 and row.ratio > 0 for row in rows)
    assert all(section.rows[0].ratio == 1 for section in found.sections)
    if name.startswith("resnet"):
        assert all(row.megabytes > 0 and row.memory > 0 for row in rows)
    report.write({name: found}, tmp_path / "report.json")
    assert report.read(tmp_path / "report.json") == {name: found}


def test_each_benchmark_is_told_by_the_name_of_its_file():
    files = {path.name for path in runner.FOLDER.iterdir() if path.name.startswith("bench_")}
    assert {f"bench_{name}.py" for name in runner.names()} == files
    assert all(runner.name_of(f"benchmarks/bench_{name}.py") == name for name in TINY)


def test_the_large_network_is_not_timed_where_there_is_no_gpu():
    with mock.patch.object(torch.cuda, "is_available", return_value=False):
        (section,) = bench_resnet50.results()
    assert not section.rows
    assert section.notes == {"nothing was measured": "there is no GPU"}


def test_cases_of_the_large_network_can_be_chosen():
    (section,) = bench_resnet50.results(**TINY["resnet50"], rounds=1, case="OFFSET")
    assert [row.case for row in section.rows] == ["PyTorch", "OFFSET, 8-bit DAC and ADC"]
    with pytest.raises(ValueError, match="No case has 'OFSET' in its name"):
        bench_resnet50.results(case="OFSET")


@pytest.mark.parametrize("width", [80, 120])
def test_one_table_shows_every_figure(width):
    row = Row("8-bit [ADC]", 12.34, 1.567, 1.5, "6–8", 26.84, 1.204, {"cells": 36864})
    sections = [
        Section("A network", "PyTorch", [row], {"explained variance": 0.9987}),
        Section("Nothing", "NumPy", [], {"nothing was measured": "there is no GPU"}),
    ]
    console = Console(file=io.StringIO(), width=width)
    machine = {"device": "CPU", "threads": 2}
    report.show([Report(machine, [section]) for section in sections], console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for shown in (
        "A network, over PyTorch",
        "8-bit [ADC] (cells: 36864) 12.3 1.57 1.5 6–8 26.8 1.20",
        "explained variance: 0.999",
        "Nothing, over NumPy nothing was measured: there is no GPU device: CPU, threads: 2",
    ):
        assert shown in text
    assert text.count("CrossSim") == text.count("CPU") == 1


def test_one_command_runs_the_chosen_benchmarks_in_processes_of_their_own(tmp_path, capsys):
    with mock.patch.object(runner, "RESULTS", tmp_path):
        runner.run(["benchmarks/bench_core.py"])
    found = report.read(tmp_path / "all.json")
    assert [[row.case for row in s.rows] for s in found["core"].sections] == CASES["core"]
    shown = capsys.readouterr().out
    assert shown.startswith("1 of 1: core\n")
    assert shown.count("over numpy.matmul") == 1


def test_an_unknown_benchmark_is_refused_by_name():
    with pytest.raises(typer.BadParameter, match=r"named 'wirse'\. There are: adcs, core"):
        runner.run(["core", "wirse"])
