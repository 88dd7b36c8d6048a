"""What the theme has no key for: where the parts of the page stand, at every width.

The order in the document is the one in which the page is read aloud. On a laptop the drawing and
the estimate stand side by side; on a phone the estimate, Train and the verdict come first, so that
cause and effect are on one screen.

Heights of what changes while a run goes on are reserved: nothing moves from Train to the end.
"""

from __future__ import annotations

from functools import cache

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

# On a dark page the primary colour is light enough to be read as text; white on it then is not.
_STYLE = """
<style>
:root { --picture: 232px; --words: 4.6em; --line: 1.5em; }
[data-testid="stBaseButton-primary"] { color: light-dark(#ffffff, #0f141b) }
/* Streamlit fades what a slow run of the script has not come to yet; a picture stays as it is. */
[data-testid="stMain"] [data-stale] { opacity: 1 !important; transition: none !important; }
/* Eight stops of the Tab key on the way to Train; Share has the charts as files. */
.st-key-figure [data-testid="stElementToolbar"] { display: none }
[data-testid="stMain"] h2 { font-size: 1rem; padding: 0; }
[data-testid="stMain"] h1 { font-size: 1.4rem; padding: 0; white-space: nowrap; }
[data-testid="stMainBlockContainer"] { padding-left: 2rem; padding-right: 2rem; }
.st-key-heading { flex-wrap: nowrap; }
.st-key-heading > :has(.st-key-chapter), .st-key-heading > .st-key-chapter { min-width: 0; flex: 1 }

.st-key-figure {
  display: grid; gap: 0.4rem 1.25rem;
  grid-template-columns: minmax(0, 7fr) minmax(0, 5fr);
}
.st-key-figure > * { grid-column: 1 / -1; min-width: 0; }
.st-key-figure > :has(> .st-key-network) { grid-column: 1; }
.st-key-figure > :has(> .st-key-estimate) { grid-column: 2; }
.st-key-figure:not(:has(.st-key-estimate)) > :has(> .st-key-network),
.st-key-figure:not(:has(.st-key-network)) > :has(> .st-key-estimate) { grid-column: 1 / -1; }
.st-key-figure > :has(> .st-key-guess:empty), .st-key-panel:empty { display: none; }

.st-key-figure [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.st-key-words { display: grid; min-height: var(--words); max-width: 62rem; }
.st-key-words > * { grid-area: 1 / 1; min-width: 0; }
.st-key-network, .st-key-estimate, .st-key-network > *, .st-key-network > * > * {
  flex: none; height: calc(var(--picture) + 1.6em); overflow: hidden;
}
[class*="st-key-drawing-"], .st-key-answers,
:is([class*="st-key-drawing-"], .st-key-answers) :is(
  [data-testid="stElementContainer"], [data-testid="stFullScreenFrame"],
  [data-testid="stFullScreenFrame"] > div, [data-testid="stVegaLiteChart"]
) { flex: none; height: var(--picture) !important; overflow: hidden; }
.st-key-network p, .st-key-estimate p {
  margin: 0; height: 1.6em; line-height: 1.6; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis;
}
.st-key-words, .st-key-verdict, .st-key-estimate, .st-key-progress {
  font-variant-numeric: tabular-nums;
}
.st-key-guess :is([data-testid="stButtonGroup"], [data-testid="stSlider"]) {
  display: flex; align-items: center; gap: 0.75rem;
}
.st-key-guess [data-testid="stSlider"] { max-width: 40rem; }
.st-key-guess label { min-height: 0; margin: 0; white-space: nowrap; }
.st-key-figure:has(.st-key-take) > :has(> .st-key-progress) { grid-column: 1; }
.st-key-figure > :has(> .st-key-take) { grid-column: 2; justify-content: flex-end; }
.st-key-take { justify-content: flex-end; }
.st-key-progress { flex: none; height: 2.2em; overflow: hidden; }
.st-key-progress :is([data-testid="stElementContainer"], [data-testid="stHtml"]) { width: 100%; }
.st-key-progress p { font-size: 0.85rem; margin: 0; white-space: nowrap; overflow: hidden; }
.st-key-progress p + div { height: 0.5rem; border-radius: 0.25rem; overflow: hidden; }
.st-key-progress p + div { background: color-mix(in srgb, currentColor 10%, transparent); }
.st-key-progress p + div > div { height: 100%; background: PRIMARY; }
/* Why nothing can be trained is said in full. */
.st-key-progress:has([data-testid="stAlert"]) { height: auto; }
.st-key-progress [data-testid="stAlert"] p { white-space: normal; }
.st-key-verdict p { height: var(--line); line-height: 1.5; margin: 0; overflow: hidden; }
.st-key-controls { flex-wrap: nowrap; }
.st-key-controls > .st-key-start { flex: 1 1 0; min-width: 6rem; max-width: 26rem; }

@media (max-width: 640px) {
  :root { --picture: 190px; --words: 9em; --line: 3em; }
  [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; }
  .st-key-heading { flex-wrap: wrap; row-gap: 0.25rem; }
  .st-key-figure { grid-template-columns: minmax(0, 1fr); }
  .st-key-figure > * { grid-column: 1 !important; }
  .st-key-figure > :has(> .st-key-network) { order: 1; }
  .st-key-figure > :has(> .st-key-gradients) { order: 2; }
  .st-key-figure > :has(> .st-key-take) { order: 1; }
  .st-key-take { justify-content: flex-start; }
  .st-key-controls { flex-wrap: wrap; gap: 0.4rem; }
  .st-key-controls > .st-key-start { flex: 1 1 40%; }
  .st-key-controls > :is(.st-key-train, .st-key-next) { flex: 1 1 30%; }
  .st-key-controls > :is(.st-key-train, .st-key-next) button { width: 100%; }
  .st-key-controls > :has(> .st-key-again) { flex: none; }
  .st-key-controls button { padding-left: 0.7rem; padding-right: 0.7rem; }
  .st-key-guess button { padding-left: 0.6rem; padding-right: 0.6rem; }
  .st-key-words { font-size: 0.95rem; }
  .st-key-words p { line-height: 1.45; }
  .st-key-words p, .st-key-verdict p { font-size: 0.95rem; }
}
/* A laptop at 200 %: Train and the estimate still stand on one screen. */
@media (max-height: 480px) { :root { --picture: 104px; --words: 3.2em; } }
@media (pointer: coarse) {
  .st-key-figure button, .st-key-heading button { min-height: 44px; }
}
/* The arrows of what opens, drawn: Streamlit's are letters of a font of 376 kB. */
:is([data-testid="stPopoverButton"], summary) [data-testid="stIconMaterial"] { display: none; }
:is([data-testid="stPopoverButton"], summary) span:has(> [data-testid="stIconMaterial"])::before {
  content: ""; display: block; width: 0.4em; height: 0.4em; margin: 0 0.25em; color: inherit;
  border: solid currentColor; border-width: 0 1.5px 1.5px 0; transform: rotate(45deg);
}
summary span:has(> [data-testid="stIconMaterial"])::before { transform: rotate(-45deg); }
details[open] > summary span:has(> [data-testid="stIconMaterial"])::before {
  transform: rotate(45deg);
}
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation: none !important; transition: none !important; }
}
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
</style>
"""

# A figure in somebody's text: 720 by 500, or 390 by 640, with everything on it.
_EMBEDDED = """
<style>
:root { --picture: 142px; --words: 3em; }
[data-testid="stMainBlockContainer"] { padding: 0.25rem 1rem; gap: 0; }
.st-key-heading {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
.st-key-figure { gap: 0.25rem 1rem; }
.st-key-figure, .st-key-figure p { font-size: 0.9rem; }
.st-key-gradients h2 { font-size: 0.9rem; }
/* At the end of the line that says how far the run has come. */
:is(.st-key-out, :has(> .st-key-out)) { flex: none; height: 0; overflow: visible; z-index: 1; }
.st-key-figure .st-key-out a { height: 24px; min-height: 24px; }
.st-key-out p { font-size: 0.75rem; }
.st-key-progress { height: 1.8em; }
.st-key-progress p { font-size: 0.75rem; line-height: 1.2; }
.st-key-progress [role="progressbar"] > p {
  max-width: calc(100% - 7.5rem); text-overflow: ellipsis;
}
@media (max-width: 640px) {
  :root { --picture: 140px; --words: 4.6em; }
  .st-key-figure > :has(> .st-key-network) { order: 3 !important; }
}
</style>
"""


def apply() -> None:
    """Add it to the page."""
    st.html(_style() + (_EMBEDDED if st.context.is_embedded else ""))


@cache
def _style() -> str:
    light, dark = (st.get_option(f"theme.{mode}.primaryColor") for mode in ("light", "dark"))
    return _STYLE.replace("PRIMARY", f"light-dark({light}, {dark})")


def figure() -> DeltaGenerator:
    """The first screen: what the reader does, and what comes of it."""
    return st.container(key="figure")
