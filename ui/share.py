"""What a reader takes home: the link, the snippet, the citation, and the downloads.

A download is made when it is asked for, in the worker for heavy jobs: nobody's frames wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

import export
from charts.pictures import all_of
from export.downloads import DOWNLOADS, Export, Take
from export.page import EMBED_SIZES, SOURCE
from live import metrics, public
from live.jobs import jobs
from model import __version__, diagnose
from model.link import HIDEABLE, parameters
from model.workers import heavy_workers
from ui import story
from ui.link import touched
from ui.session import Session

# What is written to the clipboard, or handed to a phone's share sheet, is what the address says.
# The picture goes the same way: a sheet opens only right after a touch, so a picture that took
# longer to be made is handed over at the next one.
_COPY = """
const onPhone = () => navigator.share && window.matchMedia("(pointer: coarse)").matches;

const pictures = new Map();
const sharePicture = async (event) => {
  const way = event.target.closest?.('.st-key-take a[href*="/download/poster.png"]');
  if (!way || !onPhone() || !navigator.canShare) return;
  const as = (bytes) => new File([bytes], "middle-layer.png", { type: "image/png" });
  if (!navigator.canShare({ files: [as([])] })) return;
  event.preventDefault();
  const address = way.href;
  way.style.opacity = 0.6;
  try {
    if (!pictures.has(address)) {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(answer.status);
      pictures.clear();
      pictures.set(address, as(await answer.blob()));
    }
    await navigator.share({ title: document.title, files: [pictures.get(address)] });
  } catch (error) {
    if (error.name === "NotAllowedError") way.title = "It is made: touch again";
    else if (error.name !== "AbortError") window.open(address);
  } finally {
    way.style.opacity = "";
  }
};

export default function ({ parentElement }) {
  const button = parentElement.querySelector("button");
  if (button.onclick) return;
  document.removeEventListener("click", document.sharesPicture, true);
  document.sharesPicture = sharePicture;
  document.addEventListener("click", sharePicture, true);
  const link = () => {
    const url = new URL(window.location.href);
    [...url.searchParams.keys()].filter((name) => name.startsWith("embed"))
      .forEach((name) => url.searchParams.delete(name));
    return url.href;
  };
  const said = (text) => {
    button.textContent = text;
    setTimeout(() => { button.textContent = "Copy link"; }, 2000);
  };
  button.onclick = async () => {
    try {
      if (onPhone()) {
        await navigator.share({ title: document.title, url: link() });
        return;
      }
      await navigator.clipboard.writeText(link());
      said("Copied");
    } catch (error) {
      if (error.name !== "AbortError") said("Copy it from the address bar");
    }
  };
}
"""

_COPY_STYLE = """
button {
  font: inherit; font-size: 0.9rem; color: inherit; background: transparent; cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.25rem);
  min-height: 2.1rem; padding: 0 0.75rem; white-space: nowrap;
}
button:hover, button:focus-visible { border-color: var(--st-primary-color); }
@media (pointer: coarse) { button { min-height: 44px; } }
"""


def at_once(session: Session) -> None:
    """What is shared most, beside the verdict."""
    if "share" in session.link.hide or st.context.is_embedded:
        return
    with st.container(key="take", horizontal=True, gap="small", vertical_alignment="center"):
        copy = st.components.v2.component(
            "copy", html="<button type='button'>Copy link</button>", css=_COPY_STYLE, js=_COPY
        )
        copy(key="copy", width="content")
        poster = next(each for each in DOWNLOADS if each.file == "poster.png")
        url = link(session)
        if public.downloads:
            # An address is that of a step, and a run that goes on has left it.
            if session.step > 0 and not session.playing:
                st.link_button("Picture of this", _address(poster, url))
            else:
                # A link that leads nowhere is none: a button can be switched off, and says so.
                st.button("Picture of this", key="no-picture-yet", disabled=True)
            return
        st.download_button(
            "Picture of this",
            data=_maker(session, poster, url),
            file_name="middle-layer.png",
            mime=poster.mime,
            on_click="ignore",
            disabled=not session.begun,
            key="picture",
        )


def way_out(session: Session) -> None:
    """From the figure in somebody's text to the page that it is of."""
    if st.context.is_embedded:
        with st.container(key="out", horizontal_alignment="right"):
            st.link_button("Open the page ↗", link(session), type="tertiary")


def show(session: Session) -> None:
    """The panel; what it offers is where the session stands now, made once it is opened."""
    if "share" in session.link.hide:
        return
    panel = st.expander("Share this run, cite it, take it home", key="share", on_change="rerun")
    if not panel.open:
        return
    with panel:
        url = link(session)
        st.caption("The link leads to this very run, to the digit.")
        st.code(url, language=None, wrap_lines=True)
        _embedding(session)
        st.caption("To cite it:")
        st.code(export.cite(url, __version__), language=None, wrap_lines=True)
        st.code(export.bibtex(url, __version__), language=None, wrap_lines=True)
        st.caption(SOURCE)
        with st.container(horizontal=True, gap="small"):
            for download in DOWNLOADS:
                if public.downloads:
                    # Any replica answers: behind a balancer the next request may reach another.
                    st.link_button(download.label, _address(download, url), help=download.help)
                    continue
                st.download_button(
                    download.label,
                    data=_maker(session, download, url),
                    file_name=f"middle-layer-{download.file}",
                    mime=download.mime,
                    help=download.help,
                    on_click="ignore",
                    disabled=not session.begun,
                    key=f"download {download.file}",
                )


def _embedding(session: Session) -> None:
    """The snippet, as large and with as much of the page as its author wants."""
    st.caption("To show the live page in a post of your own:")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        size = st.segmented_control(
            "Size",
            list(EMBED_SIZES),
            format_func=lambda name: "a {}: {} × {}".format(name, *EMBED_SIZES[name]),
            key="embed size",
            default="column",
            required=True,
            on_change=touched,
        )
        hidden = st.multiselect(
            "Leave out", HIDEABLE, key="embed without", placeholder="nothing", on_change=touched
        )
    width, height = EMBED_SIZES[size or "column"]
    url = link(session, frozenset(hidden))
    st.code(export.embed_snippet(url, height, width), language="html", wrap_lines=True)


def link(session: Session, hide: frozenset[str] | None = None) -> str:
    """The whole URL of where the session stands; ``hide`` in place of what its link leaves out."""
    position = session.position()
    if hide is not None:
        position = replace(position, hide=hide)
    if session.playing:
        position = replace(position, step=0)
    query = urlencode(parameters(replace(position, train=False)), safe=",.")
    base = urlsplit(st.context.url or "http://localhost:8501")
    return urlunsplit((base.scheme, base.netloc, base.path or "/", query, ""))


def _address(download: Export, url: str) -> str:
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}/download/{download.file}"
    return urlunsplit(parts._replace(path=path))


def _maker(session: Session, download: Export, url: str) -> Callable[[], bytes]:
    def make() -> bytes:
        with session.lock:
            runs = {story.lane_title(session, name): run for name, run in session.runs.items()}
            take = Take(
                # Copies: training may go on before they are on their way.
                deepcopy({name: run.history for name, run in runs.items()}),
                {name: diagnose(run).sentence for name, run in runs.items()},
                all_of(session.runs, session.snapshots(), session.end, session.view),
                url,
                session.step,
            )
        # Charts are as they are looked at; all else is a function of the link and the step.
        key = (download.file, url, take.step, session.shown, session.view)
        made = jobs.ask(key, lambda: heavy_workers().call(download.make, take)).result()
        metrics.export(download.file)
        return made.encode() if isinstance(made, str) else made

    return make
