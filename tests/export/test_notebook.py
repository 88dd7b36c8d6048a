"""The notebook in docs/ runs from top to bottom, and tells what it tells."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

import nbformat
import pytest
from nbformat import NotebookNode

from scripts.notebook import NOTEBOOK, executed, settled


def outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            yield number, output


@pytest.fixture(scope="module")
def kept() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def fresh(kept: NotebookNode) -> NotebookNode:
    return executed(copy.deepcopy(kept))


def kinds(notebook: NotebookNode) -> list[tuple[int, str, tuple[str, ...]]]:
    return [
        (number, output.output_type, tuple(sorted(output.get("data", {}))))
        for number, output in outputs(notebook)
    ]


def test_every_cell_shows_what_it_showed_when_it_was_kept(
    kept: NotebookNode, fresh: NotebookNode
) -> None:
    assert kinds(fresh) == kinds(kept)
    assert sum("image/svg+xml" in kind for _, _, kind in kinds(kept)) == 4


def words(notebook: NotebookNode) -> list[str]:
    """What the cells show, without its digits, the last of which are each processor's own."""
    shown = [
        text
        for _, output in outputs(notebook)
        for text in (
            output.get("text", ""),
            *(text for _, text in sorted(output.get("data", {}).items())),
        )
    ]
    return [re.sub(r"[-+]?\d[\d.,]*(e-?\d+)?", "#", text) for text in shown]


def test_what_is_kept_is_what_the_code_shows_today(kept: NotebookNode, fresh: NotebookNode) -> None:
    for before, now in zip(words(kept), words(fresh), strict=True):
        assert before == now, "docs/notebook.ipynb is out of date: make notebook"


def test_a_drawing_is_the_same_to_a_tenth_of_a_pixel() -> None:
    assert settled("M0,206.195L9.00,206.2") == settled("M0,206.194L9,206.2") == "M0,206.2L9,206.2"


def test_no_warning_is_kept(kept: NotebookNode, fresh: NotebookNode) -> None:
    for notebook in (kept, fresh):
        assert all(output.get("name") != "stderr" for _, output in outputs(notebook))


def test_the_story_still_comes_out(fresh: NotebookNode) -> None:
    said = "".join(output.get("text", "") for _, output in outputs(fresh))
    verdicts = [line for line in said.splitlines() if line.startswith(("Learned.", "Asleep."))]
    assert [line.partition(".")[0] for line in verdicts] == ["Learned", "Asleep", "Learned"]


def test_the_notebook_is_valid_and_names_no_machine(kept: NotebookNode) -> None:
    nbformat.validate(kept)
    text = nbformat.writes(kept)
    for path in ("/home/", "/root/", "/tmp/", "/Users/"):
        assert path not in text
