"""``python benchmarks`` runs all of them, ``python benchmarks NAME...`` some."""

import typer
from runner import run

if __name__ == "__main__":
    typer.run(run)
