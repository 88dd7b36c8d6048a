"""What only the browser can do: speak, listen to keys, and tell a parent page how high this is."""

from __future__ import annotations

import streamlit as st

# One observer a page: the module is loaded once, and the element is there as long as the page.
_JS = """
let watching = false;

// A verdict is spoken when its words change, not when a number in its sentence does.
function speakVerdicts(status) {
  let said = "";
  const look = () => {
    const found = [...document.querySelectorAll(".st-key-verdict strong")];
    const words = found.map((e) => e.textContent).join(" ");
    if (!words || words === said) return;
    const lines = [...document.querySelectorAll(".st-key-verdict p")].map((e) => e.textContent);
    if (said) status.textContent = lines.join(" ");
    said = words;
  };
  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, characterData: true,
  });
}

function turnChapters() {
  document.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // Where arrows have a meaning of their own, it counts.
    const own = "input, textarea, select, [role=slider], [role=listbox], [role=radiogroup], "
      + "[role=radio], [role=dialog], [contenteditable=true]";
    if (event.target.closest && event.target.closest(own)) return;
    const pills = [...document.querySelectorAll(".st-key-chapter button")];
    const here = pills.findIndex((pill) =>
      pill.getAttribute("aria-checked") === "true" || pill.getAttribute("aria-pressed") === "true"
      || /active/i.test(pill.getAttribute("data-testid") || ""));
    const next = pills[here + step];
    if (!next) return;
    event.preventDefault();
    next.click();
  });
}

// The messages that embedders listen for: iframe-resizer, Embedly and Medium, AMP.
function tellHeight() {
  if (window.parent === window) return;
  let told = 0;
  const tell = () => {
    const block = document.querySelector("[data-testid=stMainBlockContainer]");
    const height = block ? Math.ceil(block.getBoundingClientRect().height) : 0;
    if (!height || Math.abs(height - told) < 2) return;
    told = height;
    const width = Math.ceil(document.documentElement.clientWidth);
    const say = (message) => window.parent.postMessage(message, "*");
    say(`[iFrameSizer]${window.name || "middle-layer"}:${height}:${width}:init`);
    say(JSON.stringify({ context: "iframe.resize", height }));
    say({ sentinel: "amp", type: "embed-size", height });
  };
  const block = document.querySelector("[data-testid=stMainBlockContainer]");
  if (block) new ResizeObserver(tell).observe(block);
  tell();
}

// A frame that trusts nobody may open no window: then the address is said, to be copied.
function leadOut() {
  document.addEventListener("click", (event) => {
    const way = event.target.closest && event.target.closest(".st-key-out a");
    if (!way || window.parent === window) return;
    event.preventDefault();
    const page = window.open(way.href);
    if (page) { page.opener = null; return; }
    const said = way.parentElement.querySelector("output") || document.createElement("output");
    way.after(said);
    said.textContent = `This frame may not open it. The page is at ${way.href}`;
  });
}

export default function ({ parentElement }) {
  if (watching) return;
  watching = true;
  const status = document.createElement("div");
  status.setAttribute("role", "status");
  status.setAttribute("aria-live", "polite");
  status.className = "spoken";
  (document.querySelector("[data-testid=stMain]") || document.body).append(status);
  speakVerdicts(status);
  turnChapters();
  tellHeight();
  leadOut();
}
"""


def show() -> None:
    """Have the browser do it, from now on."""
    with st.container(key="browser"):
        st.components.v2.component("browser", js=_JS)(key="in the browser")
