"""The pictures in docs/img, made from the running page: python scripts/screenshot.py [name …]."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from harness import acts  # noqa: E402
from harness.servers import serving  # noqa: E402
from scripts import chromium  # noqa: E402

FOLDER = ROOT / "docs" / "img"

CURE = "layers=3&weights=xavier_uniform&bias=constant&bias_scale=0.1"


@dataclass(frozen=True)
class Picture:
    """One picture of the page: what is opened, how far it is trained, how it is looked at."""

    query: str
    width: int = 1366
    height: int = 768
    scheme: Literal["light", "dark"] = "light"
    act: Callable[[Page], None] = lambda page: None


def trained(page: Page) -> None:
    acts.press(page, "train")
    acts.wait_until_over(page)


def training(page: Page) -> None:
    acts.press(page, "train")
    acts.wait_for_step(page, "n > 2000")


def atlas(page: Page) -> None:
    acts.press(page, "atlas-draw")
    page.get_by_text("All cells are known").wait_for(timeout=600_000)


PICTURES: Mapping[str, Picture] = {
    "page": Picture("layers=3", act=trained),
    "before": Picture(CURE),
    "during": Picture(CURE, act=training),
    "cure": Picture(CURE, act=trained),
    "why": Picture("chapter=why", act=trained),
    "dark": Picture("chapter=why", scheme="dark", act=trained),
    "half": Picture("chapter=half&step=10000", act=acts.wait_until_over),
    "patience": Picture("chapter=patience", act=trained),
    "atlas": Picture("chapter=atlas", act=atlas),
    "phone": Picture(CURE, 390, 844, act=trained),
    "phone-dark": Picture("chapter=why", 390, 844, "dark", act=trained),
}


def take(browser: Browser, url: str, name: str, picture: Picture) -> None:
    viewport = {"width": picture.width, "height": picture.height}
    context = browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        color_scheme=picture.scheme,
        device_scale_factor=2 if picture.width < 600 else 1,
    )
    with context:
        page = acts.open_page(context.new_page(), url, picture.query)
        picture.act(page)
        # Away from what it clicked, or its tooltip is in the picture.
        page.mouse.move(picture.width - 1, 1)
        page.wait_for_timeout(500)
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        # Everybody who clones the repository gets them: 256 colours are a third of the bytes.
        few = shot.quantize(256, dither=Image.Dither.NONE)
        few.save(FOLDER / f"{name}.png", optimize=True)
        print(name, page.url.partition("/?")[2])


def main(names: list[str]) -> None:
    path = chromium.find()
    if path is None:
        raise SystemExit(chromium.MISSING)
    unknown = set(names) - set(PICTURES)
    if unknown:
        raise SystemExit(f"no picture {', '.join(unknown)}; there are {', '.join(PICTURES)}")
    arguments = ["--disable-gpu", "--no-first-run"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        with serving(Path(folder) / "server.log") as server:
            for name in names or PICTURES:
                take(browser, server.url, name, PICTURES[name])
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
