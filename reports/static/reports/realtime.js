// Brings the realtime page up to date while somebody looks at it; without it the page reloads.
"use strict";

const MOST_FAILURES = 3;
let failures = 0;

const refresh = async () => {
  const now = document.querySelector("#now");
  const wasOpen = now.querySelector("details")?.open;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("#now");
    if (!answer.ok || !fresh) throw new Error(answer.status);
    if (!now.isConnected) return;
    fresh.querySelector("details").open = wasOpen;
    now.replaceWith(fresh);
    htmx.process(fresh);
    document.querySelector(".current")?.replaceWith(page.querySelector(".current"));
    htmx.process(document.querySelector(".current"));
    failures = 0;
  } catch {
    failures += 1;
  }
  const stopped = document.querySelector("[data-stopped]");
  if (stopped) stopped.hidden = failures < MOST_FAILURES;
};

let timer;
const wait = () => {
  clearTimeout(timer);
  const seconds = document.querySelector("#now")?.dataset.refreshSeconds;
  if (!seconds || failures >= MOST_FAILURES) return;
  timer = setTimeout(async () => {
    if (!document.hidden && document.querySelector("#now")) await refresh();
    wait();
  }, seconds * 1000);
};
wait();
// Another page has come in this one's place, perhaps this one.
document.addEventListener("htmx:afterSettle", () => { failures = 0; wait(); });
