// Puts the live page in the first picture's place once its own pictures stand (serving/first.py).
// Until then nothing of it is seen, so that nothing is seen to move.
(() => {
  const first = document.getElementById("first");
  if (!first) return;
  const page = document.documentElement;
  page.classList.add("first");

  const LOOK = 50;
  // A page without pictures, such as the queue before a full server, is shown after a while.
  const LONG = 3000;
  let before = 0, quiet = 0;
  const look = setInterval(() => {
    const charts = [...document.querySelectorAll("#root .stVegaLiteChart")];
    const drawn = charts.every((chart) => chart.querySelector("svg, canvas"));
    const coming = document.querySelector("#root [data-testid=stSkeleton]");
    const text = document.querySelector("#root [data-testid=stMainBlockContainer]")?.textContent;
    quiet = text && drawn && !coming ? quiet + LOOK : 0;
    // A frame is whole where its number has come (live/flow.py).
    const whole = document.querySelector("#root [data-shown]");
    const stands = whole && charts.length > 0 && drawn && charts.length === before;
    before = charts.length;
    if (!stands && quiet < LONG) return;
    clearInterval(look);
    requestAnimationFrame(() => {
      first.remove();
      page.classList.remove("first");
    });
  }, LOOK);
})();
