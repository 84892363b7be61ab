"""The main job: what it computes, and what it leaves behind."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

for needed in ("crosssim_devices", "matplotlib", "rich", "sklearn", "typer"):
    pytest.importorskip(needed, reason="needs the extra crosssim-torch[demo]")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from typer.testing import CliRunner, Result  # noqa: E402

from crosssim_core.cli import build_app  # noqa: E402
from crosssim_core.layers.ranges import ConverterRanges  # noqa: E402
from crosssim_torch import analog_modules, from_torch  # noqa: E402
from crosssim_torch.calibration import calibrate  # noqa: E402
from crosssim_torch.demo import experiment  # noqa: E402
from crosssim_torch.demo.chips import PROPORTIONAL, layer_parameters  # noqa: E402
from crosssim_torch.demo.data import digits  # noqa: E402


@pytest.fixture(scope="module")
def outcome() -> experiment.Outcome:
    """The main job with few chips."""
    return experiment.run(seed=0, chips=4)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the main job short; its results then mean nothing."""
    monkeypatch.setattr(experiment, "EPOCHS", 1)
    monkeypatch.setattr(experiment, "TUNING_EPOCHS", 1)


def test_training_and_test_images_are_all_scans_and_share_none() -> None:
    data = digits()
    assert len(data.training.labels) + len(data.test.labels) == 1797
    assert len(data.test.labels) == 450
    assert float(data.training.pixels.min()) == 0.0
    assert float(data.training.pixels.max()) == 1.0


def test_the_main_job_reports_seven_rows(outcome: experiment.Outcome) -> None:
    assert len(outcome.results) == 7
    assert [len(r.accuracies) for r in outcome.results] == [1, 4, 4, 4, 4, 4, 4]


def test_the_network_knows_its_digits(outcome: experiment.Outcome) -> None:
    assert outcome.results[0].mean >= 0.97


def test_ideal_arrays_are_as_good_as_the_digital_network(outcome: experiment.Outcome) -> None:
    digital, ideal = outcome.results[:2]
    assert ideal.accuracies == digital.accuracies * 4


def test_small_errors_cost_little(outcome: experiment.Outcome) -> None:
    digital = outcome.results[0]
    for result in outcome.results[2:5]:
        assert result.mean > digital.mean - 0.02


def test_the_large_error_costs_ten_points_and_tuning_wins_back_half(
    outcome: experiment.Outcome,
) -> None:
    assert outcome.results[0].mean - outcome.results[5].mean >= 0.10
    assert outcome.won_back >= 0.5


def test_chips_differ(outcome: experiment.Outcome) -> None:
    assert len(set(outcome.results[5].accuracies)) > 1


@pytest.mark.usefixtures("short")
def test_a_seed_reproduces_every_figure() -> None:
    first = experiment.run(seed=7, chips=2)
    torch.manual_seed(1)
    assert experiment.run(seed=7, chips=2) == first


@pytest.mark.usefixtures("short")
def test_each_part_of_the_work_is_one_step() -> None:
    done: list[str] = []
    experiment.run(seed=0, chips=1, step=done.append)
    assert len(done) == experiment.steps(chips=1)


def test_converters_with_calibrated_ranges_change_outputs_by_about_one_code() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))
    inputs = torch.rand(64, 8)
    chip = from_torch(network, layer_parameters(ConverterRanges()))
    calibrate(chip, inputs, show_progress=False)
    with torch.no_grad():
        want, got = network(inputs), chip(inputs)
    assert 0 < float((got - want).abs().max()) < 0.05 * float(want.abs().max())


def test_the_error_of_a_row_is_the_error_of_every_layer() -> None:
    """False-alarm rate below 1e-11: 2500 draws give the spread to 1.4 %, and 10 % are allowed."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(50, 50), nn.Linear(50, 50))
    chip = from_torch(network, layer_parameters(None, PROPORTIONAL), seed=0)
    for layer in analog_modules(chip):
        programmed, ideal = layer.get_core_weights()[0], layer.weight.detach()
        assert float((programmed / ideal - 1).std()) == pytest.approx(0.05, rel=0.1)


@pytest.fixture
def demo(short: None, tmp_path: Path) -> Callable[..., Result]:
    """Run ``crosssim demo`` with a few chips, into ``tmp_path``."""

    def run(*options: str) -> Result:
        arguments = ["demo", "--chips", "2", "--output", str(tmp_path), *options]
        return CliRunner(env={"COLUMNS": "200"}).invoke(build_app(), arguments)

    return run


def test_the_command_leaves_a_table_a_plot_and_a_json_file(
    demo: Callable[..., Result], tmp_path: Path
) -> None:
    result = demo("--seed", "3")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "results.json").read_text())
    assert (figures["seed"], figures["chips"]) == (3, 2)
    assert len(figures["results"]) == 7
    for row in figures["results"]:
        assert row["name"] in result.output
        assert f"{100 * row['mean']:.1f} %" in result.output
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_one_chip_has_no_spread(demo: Callable[..., Result], tmp_path: Path) -> None:
    assert demo("--chips", "1").exit_code == 0
    figures = json.loads((tmp_path / "results.json").read_text())
    assert [row["std"] for row in figures["results"]] == [0.0] * 7


@pytest.mark.parametrize("seed", [-1, 2**63, 2**70])
def test_a_seed_that_cannot_be_used_is_refused_before_any_work(
    demo: Callable[..., Result], tmp_path: Path, seed: int
) -> None:
    result = demo("--seed", str(seed))
    assert result.exit_code == 2
    assert "--seed" in result.output
    assert not any(tmp_path.iterdir())


def test_the_largest_seed_is_used(demo: Callable[..., Result]) -> None:
    assert demo("--seed", str(2**63 - 1)).exit_code == 0


def test_a_file_in_place_of_the_output_is_refused_before_any_work(
    demo: Callable[..., Result], tmp_path: Path
) -> None:
    (file := tmp_path / "taken").touch()
    for output in (file, file / "below"):
        result = demo("--output", str(output))
        assert result.exit_code == 2
        assert "cannot be a directory" in result.output
    assert file.read_bytes() == b""


def test_a_missing_extra_is_named(
    demo: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "crosssim_torch.demo.command", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "crosssim_torch.demo.report", raising=False)
    result = demo()
    assert result.exit_code == 1
    assert "pip install 'crosssim-torch[demo]'" in result.output
