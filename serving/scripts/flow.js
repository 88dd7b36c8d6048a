// Tells the server which frame the reader has seen, over the page's own websocket: it is the one
// way that surely leads to the server that draws (live/flow.py), whatever stands in between.
(() => {
  const MARK = "[data-shown]";
  const Native = window.WebSocket;
  let socket = null;

  const mark = () => document.querySelector(MARK)?.dataset.shown;
  let told = "";

  // Streamlit (1.67) renders its whole page anew for what comes by itself, some ten milliseconds
  // each time, and once for what it is given at once: a frame, or several where the browser has not
  // shown the last one yet.
  const come = [];
  const handOver = () => {
    for (const message of come.splice(0)) {
      try { message(); } catch (error) { reportError(error); } // the others come all the same
    }
  };
  const take = (messages) => {
    const waits = come.length > 0;
    come.push(...messages);
    if (waits) return;
    if (document.hidden || (told && told === mark())) handOver();
    else requestAnimationFrame(handOver);
  };

  // What the server sends at once comes in one piece (serving/sockets.py): a zero, then each message
  // after its length.
  const unbundled = (event) => {
    const bytes = new DataView(event.data);
    if (bytes.getUint8(0) !== 0) return [event];
    const found = [];
    for (let at = 1; at < bytes.byteLength;) {
      const end = at + 4 + bytes.getUint32(at);
      found.push(new MessageEvent("message", { data: event.data.slice(at + 4, end) }));
      at = end;
    }
    return found;
  };

  window.WebSocket = class extends Native {
    constructor(address, ...rest) {
      const streams = new URL(address, location.href).pathname.endsWith("/_stcore/stream");
      super(streams ? `${address}?bundles=` : address, ...rest);
      this.streams = streams;
      if (streams) socket = this;
    }

    addEventListener(kind, listener, ...rest) {
      if (kind !== "message" || !this.streams) {
        super.addEventListener(kind, listener, ...rest);
        return;
      }
      super.addEventListener(kind, (event) => {
        take(unbundled(event).map((each) => () => listener.call(this, each)));
      }, ...rest);
    }
  };

  // Parts that the reader cannot see now: the server draws them last, and once the page rests.
  const PARTS = ["network", "estimate", "gradients", "beside", "panel", "curves"];
  const away = () => PARTS.filter((name) => {
    const box = document.querySelector(`.st-key-${name}`)?.getBoundingClientRect();
    return box && (box.bottom < 0 || box.top > window.innerHeight);
  });

  const tell = () => {
    const shown = mark();
    if (!shown || shown === told || socket?.readyState !== Native.OPEN) return;
    told = shown;
    socket.send(["shown", shown, ...away()].join(" "));
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
    const found = document.querySelector(".st-key-progress");
    if (found === place) return;
    place = found;
    near.disconnect();
    if (place) near.observe(place, { childList: true, subtree: true, attributes: true });
    later();
  };
  setInterval(find, 500);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return;
    handOver();
    tell();
  });
})();
