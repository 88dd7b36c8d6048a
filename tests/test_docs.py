"""The documents speak of what there is: files, names, commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.servers import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
ROOMS = ("model", "charts", "live", "ui", "export", "serving", "harness", "benchmarks", "tests")

# Streamlit's and Keras' names, which the architecture speaks of.
FOREIGN = {"clear_session", "run_every"}

# Each has been run in a fresh clone, but for those that want Docker, a cluster or a machine with
# systemd: a command that is new to the pages is run, and then written down here.
COMMANDS = {
    "apt install",
    "docker build",
    "docker buildx",
    "docker compose",
    "docker sbom",
    "git archive",
    "git clone",
    "git pull",
    "kubectl apply",
    "make audit",
    "make bench",
    "make help",
    "make lock",
    "make run",
    "make sbom",
    "make test",
    "python -m benchmarks.browser",
    "python -m benchmarks.chaos",
    "python -m benchmarks.load",
    "python -m benchmarks.small",
    "python -m benchmarks.soak",
    "python -m benchmarks.verdicts",
    "python -m export",
    "python -m pip",
    "python -m serving.packing",
    "python -m streamlit",
    "scripts/venv .venv",
    "systemctl edit",
    "systemctl enable",
    "systemctl restart",
    "useradd --system",
}
_TOOLS = r"(?:make|python -m|docker|kubectl|git|apt|systemctl|useradd|scripts/venv)"


def commands(page: Path) -> list[str]:
    """The commands that a page shows, in blocks and in sentences."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    found = re.findall(rf"`({_TOOLS} [^`\n]+)`", text)
    for line in re.findall(r"^    (\S.*)$", text, re.M):
        found += re.findall(rf"(?:^|[ /])({_TOOLS} [^|&#\n]+)", line)
    return [each.strip() for each in found]


def named(page: Path) -> set[str]:
    """What stands between backticks, without what comes after a blank."""
    return {text.split()[0] for text in re.findall(r"`([^`\n]+)`", page.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_is_named_is_there(page: Path) -> None:
    files = {
        name
        for name in named(page)
        if re.fullmatch(rf"({'|'.join(ROOMS)}|docs|deploy|scripts)/[\w./-]+|\w+\.(py|toml)", name)
    }
    below = {path.name for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    missing = {name for name in files if not (ROOT / name).exists() and name not in below}
    assert missing == set()


def test_a_name_that_the_architecture_calls_is_in_the_code() -> None:
    code = "\n".join(path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    names = {
        part
        for name in named(ARCHITECTURE)
        if re.fullmatch(r"[A-Za-z_][\w.]*(\(.*\)?)?", name) and not name.endswith((".py", ".md"))
        for part in name.partition("(")[0].split(".")
        if part.isidentifier()
    }
    unknown = {name for name in names if not re.search(rf"\b{re.escape(name)}\b", code)}
    assert unknown - FOREIGN == set()


def test_the_list_of_commands_is_that_of_the_pages() -> None:
    shown = [command.split() for page in PAGES for command in commands(page)]
    words = {" ".join(each[: 3 if each[0] == "python" else 2]) for each in shown}
    words = {each for each in words if not each.startswith(("git add", "git commit", "git push"))}
    assert words == COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_names_targets_modules_options_and_files_that_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for command in commands(page):
        first, *words = command.split()
        if first == "make":
            assert words[0] in targets, command
        if first == "python" and words[1].split(".")[0] in ROOMS:
            path = ROOT / words[1].replace(".", "/")
            source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path
            files = [source] if source.is_file() else list(source.glob("*.py"))
            text = "\n".join(file.read_text() for file in files)
            assert files, command
            assert all(f'"{word}"' in text for word in words if word.startswith("--")), command
        for word in words:
            if word.startswith(("deploy/", "docs/", "scripts/")):
                assert (ROOT / word).exists(), command


def test_a_stranger_enters_no_more_than_eight_files_on_the_way_to_a_frame() -> None:
    (path,) = re.findall(r"stranger's path to a frame\*\*(.*?)\n\n", ARCHITECTURE.read_text(), re.S)
    files = re.findall(r"`([\w/]+\.py)`", path)
    assert 4 < len(files) == len(set(files)) <= 8
    assert all((ROOT / name).exists() for name in files)
