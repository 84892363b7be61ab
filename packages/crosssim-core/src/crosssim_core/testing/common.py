"""Checks that hold for models of every family."""

import copy
import json
import pickle
from typing import Any

import numpy as np

from crosssim_core._array import (
    array_namespace,
    as_host,
    from_host,
    installed_namespaces,
    is_array,
    library_name,
)
from crosssim_core.testing.subject import Check, Subject, require
from crosssim_core.typing import Array, Namespace

SEED = 12345

LEADING = ((), (5,), (2, 3))
"""Axes that come before those that a model needs."""


def check_builds(subject: Subject, /) -> None:
    """The model is found by its name and accepts its parameters and its place."""
    model = subject.build()
    require(model is not None, f"the factory of {subject} returned None")
    require(
        subject.record.model == subject.model,
        f"the record of {subject} names the model {subject.record.model!r}",
    )


def check_shapes(subject: Subject, /) -> None:
    """What comes out has the shape of what went in."""
    for response in subject.responses():
        for leading in LEADING:
            x = subject.inputs(leading)
            y = response.call(x, SEED)
            require(is_array(y), f"{response.name} returned {type(y).__name__}, not an array")
            require(
                tuple(y.shape) == x.shape,
                f"{response.name} made shape {tuple(y.shape)} of shape {x.shape}",
            )


def check_dtypes(subject: Subject, /) -> None:
    """Single precision stays single, double stays double, and both tell the same."""
    x = subject.inputs()
    for response in subject.responses():
        exact = response.call(x, SEED)
        require(exact.dtype == np.float64, f"{response.name} made {exact.dtype} of float64")
        single = x.astype(np.float32)
        y = response.call(single, SEED)
        require(y.dtype == np.float32, f"{response.name} made {y.dtype} of float32")
        # Numbers that float32 holds exactly, so that no conversion falls on another side.
        want = response.call(single.astype(np.float64), SEED)
        off = float(np.max(np.abs(y - want) / np.maximum(1.0, np.abs(want))))
        require(off < 1e-4, f"{response.name} is off by {off:.1e} in float32")


def check_array_libraries(subject: Subject, /) -> None:
    """Every array library that is installed gets its own arrays back, with the same numbers."""
    x = subject.inputs()
    for response in subject.responses():
        want = response.call(x, SEED)
        for name, xp in installed_namespaces().items():
            try:
                y = response.call(_placed(x, xp), SEED)
            except Exception as error:
                error.add_note(f"{response.name} was given an array of {name}")
                raise
            require(is_array(y), f"{response.name} returned {type(y).__name__}, not an array")
            require(
                array_namespace(y) is xp,
                f"{response.name} was given an array of {name} and returned one of "
                f"{library_name(y)}",
            )
            close = np.allclose(as_host(y), want, rtol=1e-9, atol=1e-12)
            require(close, f"{response.name} gives other numbers with {name} than with numpy")


def check_inputs_unchanged(subject: Subject, /) -> None:
    """Arguments are left as they were."""
    for response in subject.responses():
        for name, xp in installed_namespaces().items():
            x = _placed(subject.inputs(), xp)
            before = as_host(x)
            response.call(x, SEED)
            same = np.array_equal(as_host(x), before)
            require(same, f"{response.name} changed its argument, an array of {name}")


def check_seed_repeats(subject: Subject, /) -> None:
    """The same seed gives the same numbers, whatever else was drawn meanwhile."""
    x = subject.inputs()
    for response in subject.responses():
        first = response.call(x, SEED)
        response.call(x, SEED + 1)
        require(
            np.array_equal(first, response.call(x, SEED)),
            f"{response.name} gives other numbers with the same seed: draw from the noise that "
            "is handed in, and from nothing else",
        )


def check_no_memory(subject: Subject, /) -> None:
    """What a model did before has no influence on what it does."""
    x = subject.inputs()
    for response in subject.responses():
        fresh, used = subject.build(SEED), subject.build(SEED)
        response.bound(used, subject.inputs((2,)), SEED)
        response.bound(used, x, SEED + 1)
        require(
            np.array_equal(response.bound(used, x, SEED + 2), response.bound(fresh, x, SEED + 2)),
            f"{response.name} depends on what the model did before: keep nothing between calls",
        )


def check_finite(subject: Subject, /) -> None:
    """Finite arguments lead to finite results, at the ends of the range as well."""
    for response in subject.responses():
        for x in (subject.inputs(), subject.extremes()):
            y = response.call(x, SEED)
            bad = ~np.isfinite(y)
            require(not bad.any(), f"{response.name} made {y[bad][:1]} of {x[bad][:1]}")


def check_json(subject: Subject, /) -> None:
    """Parameters survive a JSON file, and the class of the record belongs to the model."""
    record = subject.record
    record.check()
    values = record.to_dict()
    missing = type(record).model_fields.keys() - values.keys() - record.newer
    require(
        not missing, f"to_dict of {type(record).__name__} leaves {min(missing, default='')!r} out"
    )
    again = type(record).record.from_dict(json.loads(json.dumps(values)))
    require(
        type(again) is type(record) and again == record,
        f"the parameters of {subject} come back from JSON as {again!r}",
    )


def check_pickle(subject: Subject, /) -> None:
    """Copies of a model and of its parameters, through pickle as well, do what it does."""
    record = subject.record
    require(pickle.loads(pickle.dumps(record)) == record, "the record changes in pickle")
    x = subject.inputs()
    for response in subject.responses():
        model = subject.build(SEED)
        twins = {"pickle": pickle.loads(pickle.dumps(model)), "deepcopy": copy.deepcopy(model)}
        want = response.bound(model, x, SEED)
        for way, twin in twins.items():
            same = np.array_equal(want, response.bound(twin, x, SEED))
            require(same, f"{response.name} changes when the model goes through {way}")


COMMON_CHECKS: tuple[Check, ...] = (
    check_builds,
    check_shapes,
    check_dtypes,
    check_array_libraries,
    check_inputs_unchanged,
    check_seed_repeats,
    check_no_memory,
    check_finite,
    check_json,
    check_pickle,
)


def _placed(x: np.ndarray[Any, Any], xp: Namespace) -> Array:
    return from_host(x, like=xp.zeros(1, dtype=xp.float64))
