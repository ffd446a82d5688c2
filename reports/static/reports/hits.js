// Hits as they arrive: the newer ones are asked for, those that are open stay open.
"use strict";
const EVERY_MS = 2000;
const MOST_ROWS = 200;
const list = document.getElementById("hits");
const state = document.getElementById("hits-state");

const newestId = () =>
  Math.max(0, ...[...list.children].map((row) => Number(row.dataset.id)));

async function look() {
  if (document.hidden) return true;
  const answer = await fetch(`?after=${newestId()}`, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const known = new Set([...list.children].map((row) => row.dataset.id));
  const rows = [...page.querySelectorAll("[data-id]")].filter((row) => !known.has(row.dataset.id));
  list.prepend(...rows.map((row) => document.adoptNode(row)));
  while (list.children.length > MOST_ROWS) list.lastElementChild.remove();
  const isWatched = answer.headers.get("X-Watched") === "yes";
  state.textContent = isWatched ? (list.children.length ? "" : state.dataset.empty) : state.dataset.ended;
  return isWatched;
}

async function keepLooking() {
  let goesOn = true;
  try {
    goesOn = await look();
  } catch {
    state.textContent = state.dataset.lost;
  }
  if (goesOn) setTimeout(keepLooking, EVERY_MS);
}

if (list.hasAttribute("data-watched")) setTimeout(keepLooking, EVERY_MS);
