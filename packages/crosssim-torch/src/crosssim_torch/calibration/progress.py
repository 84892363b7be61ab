"""Progress on the terminal, where rich is there to show it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def progress(total: int | None, *, shown: bool) -> Iterator[Callable[[str], None]]:
    """What to call with what is being done, after each of ``total`` parts of the work."""
    if not shown or find_spec("rich") is None:
        yield lambda doing: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("calibrating", total=total)
        yield lambda doing: bar.update(task, advance=1, description=doing)
