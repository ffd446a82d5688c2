// Brings the realtime page up to date while somebody looks at it; without it the page reloads.
"use strict";

const MOST_FAILURES = 3;
const stopped = document.querySelector("[data-stopped]");
let failures = 0;

const refresh = async () => {
  const now = document.querySelector("#now");
  const wasOpen = now.querySelector("details")?.open;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("#now");
    if (!answer.ok || !fresh) throw new Error(answer.status);
    fresh.querySelector("details").open = wasOpen;
    now.replaceWith(fresh);
    document.querySelector(".current")?.replaceWith(page.querySelector(".current"));
    failures = 0;
  } catch {
    failures += 1;
  }
  stopped.hidden = failures < MOST_FAILURES;
};

const wait = () => {
  const seconds = document.querySelector("#now")?.dataset.refreshSeconds;
  if (!seconds || failures >= MOST_FAILURES) return;
  setTimeout(async () => {
    if (!document.hidden) await refresh();
    wait();
  }, seconds * 1000);
};
wait();
