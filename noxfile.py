"""Checks of the project: ``nox`` runs the default ones, ``nox -s NAME`` one of them.

Packages are tested from their wheels, each in an environment that holds nothing but what it
declares, so that what passes here works where only that package is installed.
"""

import os
import shutil
from pathlib import Path

import nox

ROOT = Path(__file__).parent
WHEELS = ROOT / "dist"
SOURCES = [str(path) for path in sorted(ROOT.glob("packages/*/src"))]
# No constraint, which would bind builds of PyTorch for GPUs: they bring a version of their own.
INTERPRETER = "triton==3.9.0; sys_platform == 'linux'"
TEST_TOOLS = ("array-api-strict", "hypothesis", "pytest", "pytest-xdist")

# Holds for every pip that a session starts, those of isolated builds included.
os.environ["PIP_CONSTRAINT"] = (ROOT / "constraints.txt").as_uri()

nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "imports", "types", "tests"]


def install_wheels(session: nox.Session, *packages: str) -> None:
    """Install ``packages``, such as ``"crosssim_core[cli]"``, from the wheels of this tree."""
    wheels = []
    for package in packages:
        name, bracket, extras = package.partition("[")
        (wheel,) = WHEELS.glob(f"{name}-*.whl")
        wheels.append(f"{wheel}{bracket}{extras}")
    # pip keeps an installed wheel of the same version, and the environment may be an old one.
    session.install("--no-deps", "--force-reinstall", *wheels)
    session.install(*wheels)


def check_absent(session: nox.Session, *modules: str) -> None:
    """Fail if one of ``modules`` can be imported."""
    code = (
        "import sys, importlib.util as u; found = [*filter(u.find_spec, sys.argv[1:])]; "
        "sys.exit(f'should not be installed here: {found}' if found else 0)"
    )
    session.run("python", "-c", code, *modules)


def run_tests(session: nox.Session, *paths: str) -> None:
    """Run the tests under ``paths``, or what the command line names, two at a time."""
    # One thread for each of the two workers: more would only make them wait for each other.
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    session.run("pytest", "-n", "2", *(session.posargs or paths), env=threads)


@nox.session(default=False)
def wheels(session: nox.Session) -> None:
    """Build the wheels that other sessions install."""
    session.install("build")
    shutil.rmtree(WHEELS, ignore_errors=True)
    for package in (*sorted(ROOT.glob("packages/*")), ROOT / "examples" / "acme-rram"):
        session.run(
            "python", "-m", "build", "--wheel", "--outdir", str(WHEELS), str(package), silent=True
        )


@nox.session(requires=["wheels"])
def tests(session: nox.Session) -> None:
    """Everything passes its tests, in one environment, a third party's plugin among it."""
    ours = ("crosssim_core[cli,fast]", "crosssim_devices[plot]", "crosssim_torch[demo]")
    install_wheels(session, *ours, "acme_rram")
    session.install(*TEST_TOOLS, "import-linter", "safetensors", INTERPRETER)
    run_tests(session, "tests", "examples/acme-rram/tests")


@nox.session(requires=["wheels"])
def core_alone(session: nox.Session) -> None:
    """Core passes its tests where there is neither torch, a GPU library nor a compiler."""
    install_wheels(session, "crosssim_core[cli]")
    session.install(*TEST_TOOLS)
    check_absent(session, "torch", "cupy", "numba", "crosssim_devices", "crosssim_torch")
    run_tests(session, "tests/core", "tests/properties")


@nox.session(requires=["wheels"])
def devices_alone(session: nox.Session) -> None:
    """The device and converter models pass their tests with core, without torch."""
    install_wheels(session, "crosssim_core", "crosssim_devices")
    session.install(*TEST_TOOLS)
    check_absent(session, "torch", "cupy", "crosssim_torch")
    run_tests(session, "tests/devices", "tests/properties")


@nox.session(requires=["wheels"])
def torch_without_devices(session: nox.Session) -> None:
    """The torch layers pass their tests with core's ideal devices and converters alone."""
    install_wheels(session, "crosssim_core", "crosssim_torch")
    session.install(*TEST_TOOLS)
    check_absent(session, "cupy", "crosssim_devices")
    run_tests(session, "tests/torch", "tests/properties")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff finds nothing to say, and formats nothing."""
    session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(requires=["wheels"])
def types(session: nox.Session) -> None:
    """Mypy is content with the sources, in strict mode."""
    install_wheels(session, "crosssim_core[cli]", "crosssim_devices", "crosssim_torch[demo]")
    session.install("mypy", "nox", "pytest")
    session.run("mypy")


@nox.session
def imports(session: nox.Session) -> None:
    """Imports run in the directions that the contracts in pyproject.toml allow."""
    session.install("import-linter")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": os.pathsep.join(SOURCES)})


@nox.session(requires=["wheels"], default=False)
def demo(session: nox.Session) -> None:
    """Run the main job; what stands after ``--`` goes to ``crosssim demo``."""
    install_wheels(session, "crosssim_core[cli]", "crosssim_devices", "crosssim_torch[demo]")
    session.run("crosssim", "demo", *session.posargs)


@nox.session(requires=["wheels"], default=False)
def bench(session: nox.Session) -> None:
    """Run the benchmarks, or those that stand after ``--``: one table, and one file of JSON."""
    install_wheels(session, "crosssim_core[cli,fast]", "crosssim_devices", "crosssim_torch[demo]")
    session.run("python", "benchmarks", *session.posargs)
