"""The main job in a real browser: press Train, and watch."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page

from charts import ladder
from harness import acts
from harness.servers import Server
from harness.watch import Watch
from model import PRESETS, Experiment, Run
from model.network import split, tensors_of

pytestmark = pytest.mark.usefixtures("silent_console")

# Frames that may still come after a click on Pause: what was on its way, at twenty a second.
FRAMES_ON_THEIR_WAY = 15


@pytest.mark.parametrize(
    ("query", "pictures"),
    [
        ("layers=3&steps=8000", 8),
        ("chapter=why&steps=8000", 8),
        ("layers=8&weights=xavier_uniform&steps=8000", 8),
        # Zero gradients from the first step to the last: on the screen only the step moves, and the
        # curves below it when the run is over.
        ("layers=3&weights=zeros&bias=constant&bias_scale=0&steps=2000", 1),
    ],
    ids=["three layers", "two lanes", "eight layers", "nothing moves"],
)
def test_training_moves_the_pictures_and_never_rebuilds_or_fades_one(
    page: Page, server: Server, query: str, pictures: int
) -> None:
    acts.open_page(page, server.url, query)
    before = acts.figures(page)
    watch = Watch(page)
    acts.press(page, "train")
    acts.wait_until_over(page)
    seen = watch.seen
    assert seen.charts >= 6
    assert seen.pictures >= pictures
    assert seen.replaced == []
    assert seen.opacity == 1
    assert acts.figures(page) != before
    assert f"step={acts.step(page)}" in page.url


# What the words say of W, and all figures of the ladders, at each repaint of so many milliseconds.
_LISTEN = """
milliseconds => new Promise(done => {
  const heard = [], until = performance.now() + milliseconds;
  const look = () => {
    const texts = [...document.querySelectorAll(".st-key-gradients svg.marks text")];
    heard.push([document.querySelector(".st-key-words").innerText,
                texts.map(text => text.textContent)]);
    if (performance.now() < until) requestAnimationFrame(look); else done(heard);
  };
  look();
})
"""


def test_words_and_ladders_say_the_same_number_at_every_moment(page: Page, server: Server) -> None:
    acts.open_page(page, server.url, "chapter=why")
    acts.press(page, "train")
    acts.wait_for_step(page, "n > 500")
    heard = page.evaluate(_LISTEN, 6_000)
    said = [(re.search(r"than with two: (\S+), not (\S+)\.", text), on) for text, on in heard]
    agree = [
        set(words.groups()) <= {figure.rpartition("RMS ")[2] for figure in figures}
        for words, figures in said
        if words is not None
    ]
    assert len({words[0] for words, _ in said if words is not None}) > 3
    # Words are there a moment before the marks of the same frame.
    assert sum(agree) > 0.8 * len(agree)


def test_pause_stops_the_pictures_and_train_goes_on_from_there(page: Page, server: Server) -> None:
    acts.open_page(page, server.url, "layers=3&steps=5000000")
    watch = Watch(page)
    acts.press(page, "train")
    watch.wait_for_pictures(8, 60)
    acts.press(page, "train")
    acts.rest(page)
    seen = watch.seen
    assert seen.atClick is not None
    assert seen.pictures - seen.atClick <= FRAMES_ON_THEIR_WAY
    stood, pictures = acts.step(page), watch.seen.pictures
    page.wait_for_timeout(700)
    assert (acts.step(page), watch.seen.pictures) == (stood, pictures)
    assert "Train" in acts.button(page, "train").inner_text()
    acts.press(page, "train")
    acts.wait_for_step(page, f"n > {stood}")
    assert watch.seen.replaced == []


def test_a_reload_of_the_address_bar_gives_the_same_run(
    browser: Browser, page: Page, server: Server
) -> None:
    acts.open_page(page, server.url, "layers=3&steps=2000")
    page.locator(".st-key-start input").click()
    page.get_by_role("option", name="Xavier", exact=True).click()
    page.wait_for_function("() => location.search.includes('weights=xavier_uniform')")
    acts.rest(page)
    acts.press(page, "train")
    acts.wait_until_over(page)
    assert "layers=3" in page.url
    with browser.new_context(viewport={"width": 1366, "height": 768}) as other:
        url, _, query = page.url.partition("/?")
        again = acts.open_page(other.new_page(), url, query)
        acts.wait_until_over(again)
        assert again.url == page.url
        assert acts.figures(again) == acts.figures(page)
        assert acts.words(again) == acts.words(page)


def test_a_run_that_diverges_stops_with_its_step_and_tensor_and_the_page_goes_on(
    page: Page, server: Server
) -> None:
    query = "layers=8&weights=xavier_uniform&optimizer=adam&learning_rate=10&clip=0"
    acts.open_page(page, server.url, query)
    acts.press(page, "train")
    acts.wait_until_over(page)
    at = acts.step(page)
    experiment = Experiment(
        layers=8, weights="xavier_uniform", optimizer="adam", learning_rate=10, clip=0
    )
    run = Run.at(experiment, 10_000)
    assert (run.status, run.step) == ("diverged", at)
    assert f"at step {at:,}" in acts.words(page)
    assert str(run.diverged) in acts.words(page)
    acts.change(page)
    acts.press(page, "reset")
    acts.wait_for_step(page, "n === 0")
    acts.rest(page)
    acts.press(page, "step")
    acts.wait_for_step(page, "n === 1")


def test_scrubbing_moves_every_figure_and_rebuilds_no_chart(page: Page, server: Server) -> None:
    acts.open_page(page, server.url, "chapter=stops&steps=2000&weights=xavier_uniform&step=2000")
    acts.wait_until_over(page)
    experiment = Experiment(layers=3, steps=2_000, weights="xavier_uniform")
    history = Run.at(experiment, 2_000).history
    watch = Watch(page)
    page.get_by_role("slider", name="Look back at step").focus()
    for step in reversed(history.steps[-51:-1].tolist()):
        page.keyboard.press("ArrowLeft")
        then = history.at(step)
        sizes = split(then.rms_vector, tensors_of(experiment))
        names = ("W", "W1", "W2")
        expected = [ladder.figures(then.values[name]) for name in names]
        expected += [ladder.figures(sizes[name], then.rms[name]) for name in names]
        # All at once: the figures of every layer, and the step that the page says it shows.
        page.wait_for_function(
            """([step, figures]) => {
              const bar = document.querySelector('.st-key-progress').innerText;
              const texts = [...document.querySelectorAll('svg.marks text')]
                .map(e => e.textContent);
              return bar.includes('Looking back at step ' + step)
                && figures.every(figure => texts.includes(figure));
            }""",
            arg=[f"{step:,}", expected],
            timeout=acts.PATIENCE,
        )
        span = f"{then.estimate.max() - then.estimate.min():.2f} of 2.00"
        page.get_by_text(span).first.wait_for()
    assert watch.seen.replaced == []
    assert watch.seen.opacity == 1


def test_a_comparison_opened_twice_gives_the_same_numbers(browser: Browser, server: Server) -> None:
    query = "layers=2&vs.layers=3&vs.weights=he_normal&seed=11&steps=1500&train=1"
    found = []
    for _ in range(2):
        with browser.new_context(viewport={"width": 1366, "height": 768}) as context:
            page = acts.open_page(context.new_page(), server.url, query)
            acts.wait_until_over(page)
            found.append((acts.step(page), acts.figures(page), acts.words(page)))
    assert found[0] == found[1]
    assert found[0][0] == 1_500


def test_patience_reaches_a_million_steps_and_names_the_stretch_of_waking(
    page: Page, server: Server
) -> None:
    acts.open_page(page, server.url, "chapter=patience")
    acts.press(page, "train")
    acts.wait_until_over(page)  # a forecast that nobody answers rests for ten seconds
    assert acts.step(page) == 1_000_000
    history = Run.at(PRESETS["patience"], 1_000_000).history
    spans = history.estimates.max(axis=1) - history.estimates.min(axis=1)
    at = int((spans >= 1).argmax())
    before, woke = map(int, history.steps[at - 1 : at + 1])
    assert 10_000 < woke < 1_000_000
    page.get_by_text(f"woke between steps {before:,} and {woke:,}").wait_for()


def test_a_run_at_full_speed_can_be_paused(page: Page, server: Server) -> None:
    acts.open_page(page, server.url, "chapter=patience&steps=5000000")
    acts.press(page, "train")
    acts.wait_for_step(page, "n > 50000")
    acts.press(page, "train")
    acts.rest(page)
    stood = acts.step(page)
    assert 50_000 < stood < 5_000_000
    page.wait_for_timeout(500)
    assert acts.step(page) == stood
