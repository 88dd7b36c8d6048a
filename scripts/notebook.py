"""Run docs/notebook.ipynb from top to bottom and keep what it shows: ``make notebook``."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
_SVG = "image/svg+xml"

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def executed(notebook: NotebookNode) -> NotebookNode:
    """The notebook with the output of a fresh kernel, the same for every run of the same code.

    Raises ``nbclient.exceptions.CellExecutionError`` with the cell that fails.
    """
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(ROOT)}},
    )
    # A socket file in place of five open ports.
    client.create_kernel_manager().transport = "ipc"
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    notebook.metadata.language_info = {"name": "python"}  # without the version of Python
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if _SVG in data:
                data[_SVG] = settled(data[_SVG])
    return notebook


def settled(svg: str) -> str:
    """The drawing with coordinates to a tenth of a pixel: further digits are the processor's own.

    >>> settled("M0,213.917L9,210.056")
    'M0,213.9L9,210.1'
    """
    return re.sub(r"\d+\.\d{2,}", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), svg)


if __name__ == "__main__":
    kept = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.write(executed(kept), NOTEBOOK)  # type: ignore[no-untyped-call]
