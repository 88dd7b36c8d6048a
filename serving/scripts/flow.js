// Tells the server which frame the reader has seen, over the page's own websocket: it is the one
// way that surely leads to the server that draws (live/flow.py), whatever stands in between.
(() => {
  const MARK = "[data-shown]";
  const Native = window.WebSocket;
  let socket = null;
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given);
      if (new URL(this.url).pathname.endsWith("/_stcore/stream")) socket = this;
    }
  };

  let told = "";
  const tell = () => {
    const mark = document.querySelector(MARK)?.dataset.shown;
    if (!mark || mark === told || socket?.readyState !== Native.OPEN) return;
    told = mark;
    socket.send("shown " + mark);
  };
  // React has put the frame's elements in; Vega draws after that, and the screen after Vega. A tab
  // that nobody looks at gets no animation frames.
  const later = () => {
    if (document.hidden) setTimeout(tell, 0);
    else requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(tell, 0)));
  };

  // Only the mark's own block is watched: Vega changes thousands of nodes a second elsewhere.
  const near = new MutationObserver(later);
  let place = null;
  const find = () => {
    const found = document.querySelector(".st-key-shown");
    if (found === place) return;
    place = found;
    near.disconnect();
    if (place) near.observe(place, { childList: true, subtree: true, attributes: true });
    later();
  };
  setInterval(find, 500);
  document.addEventListener("visibilitychange", () => { if (document.hidden) tell(); });
})();
