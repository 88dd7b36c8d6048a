// Puts the live page in the first picture's place once its own pictures stand (serving/first.py).
// Until then nothing of it is seen, so that nothing is seen to move.
(() => {
  const first = document.getElementById("first");
  if (!first) return;
  const page = document.documentElement, root = document.getElementById("root");
  page.classList.add("first");
  // Nor is it heard, or reached by the keyboard.
  root.inert = true;

  const LOOK = 50;
  // Milliseconds of quiet after which a page is shown that has no pictures, such as the queue before
  // a full server, and one whose pictures should have come.
  const WITHOUT = 3000, LATE = 15000;
  // Looks in a row at which all of it is there: on a slow machine one more chart comes after two.
  const SURE = 3;
  let before = 0, quiet = 0, sure = 0;
  const look = setInterval(() => {
    const charts = [...document.querySelectorAll("#root .stVegaLiteChart")];
    const drawn = charts.every((chart) => chart.querySelector("svg, canvas"));
    const coming = document.querySelector("#root [data-testid=stSkeleton]");
    const text = document.querySelector("#root [data-testid=stMainBlockContainer]")?.textContent;
    quiet = text && drawn && !coming ? quiet + LOOK : 0;
    // A frame is whole where its number has come (live/progress.py).
    const whole = document.querySelector("#root [data-shown]");
    const stands = whole && charts.length > 0 && drawn && charts.length === before;
    // Or the page says what it waits for, or why nothing comes.
    const progress = document.querySelector("#root .st-key-progress");
    const says = progress?.querySelector("[data-waits], [data-testid=stAlert]");
    sure = stands || says ? sure + 1 : 0;
    before = charts.length;
    const figure = document.querySelector("#root .st-key-figure");
    if (sure < SURE && quiet < (figure ? LATE : WITHOUT)) return;
    clearInterval(look);
    requestAnimationFrame(() => {
      first.remove();
      root.inert = false;
      page.classList.remove("first");
    });
  }, LOOK);
})();
