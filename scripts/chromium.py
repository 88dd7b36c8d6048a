"""Print the path of a Chromium that runs; with --install, get one when there is none.

Only the standard library: this runs before, and without, everything else.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLACES = (
    "/usr/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

# Where `playwright install` puts its own builds, by operating system.
PLAYWRIGHT = {
    "Linux": Path.home() / ".cache/ms-playwright",
    "Darwin": Path.home() / "Library/Caches/ms-playwright",
    "Windows": Path.home() / "AppData/Local/ms-playwright",
}
BUILDS = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium-*/chrome-win*/chrome.exe",
)

MISSING = "no Chromium that runs; set CHROMIUM to the path of one, or run `make chromium`"


def find() -> str | None:
    """Return the first Chromium that runs, or None. The variable CHROMIUM goes before the rest."""
    wanted = os.environ.get("CHROMIUM")
    if wanted:
        return wanted if runs(wanted) else None
    return next((path for path in candidates() if runs(path)), None)


def candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    yield from PLACES
    home = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    folder = Path(home) if home else PLAYWRIGHT.get(platform.system())
    if folder:
        for build in BUILDS:
            yield from map(str, sorted(folder.glob(build), reverse=True))


def runs(path: str) -> bool:
    # Ubuntu's /usr/bin/chromium-browser may be a stub that only advertises a snap.
    try:
        version = subprocess.run([path, "--version"], check=False, capture_output=True, timeout=30)
        return version.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> None:
    """Get Chromium from Debian's packages if this is Debian and we may, else from Playwright."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and distribution() == "debian":
        # A font too: without any, a page has no letters and therefore no layout.
        packages = ["chromium", "fonts-dejavu-core"]
        apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
        commands = [
            [*apt, "update"],
            [*apt, "install", "-y", "--no-install-recommends", *packages],
        ]
    else:
        libraries = ["--with-deps"] if root and platform.system() == "Linux" else []
        commands = [[sys.executable, "-m", "playwright", "install", *libraries, "chromium"]]
    for command in commands:
        print("+", " ".join(command), file=sys.stderr)
        # The path is all that goes to the standard output.
        subprocess.run(
            command,
            stdout=sys.stderr,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=True,
        )


def distribution() -> str:
    try:
        return platform.freedesktop_os_release()["ID"]
    except OSError:
        return ""


def main(arguments: list[str]) -> int:
    path = find()
    if path is None and "--install" in arguments and not os.environ.get("CHROMIUM"):
        try:
            install()
        except (OSError, subprocess.CalledProcessError) as error:
            print(error, file=sys.stderr)
        path = find()
    if path is None:
        print(MISSING, file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
