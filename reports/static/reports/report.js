// Makes report pages nicer; without it they show the same figures.
// Everything listens on the document: htmx puts another page's body in place of this one's.
"use strict";

// Charts: the bucket under the pointer, in a box beside it.
const showBucket = (event) => {
  const plot = event.target.closest?.("[data-chart]");
  const mark = event.target.closest?.("rect.hit");
  document.querySelectorAll("[data-chart] .tip").forEach((tip) => {
    if (!mark || !plot.contains(tip)) tip.hidden = true;
  });
  if (!plot || !mark) return;
  plot.querySelectorAll("title").forEach((title) => title.remove());
  const tip = plot.querySelector(".tip");
  const lines = [mark.dataset.label, mark.dataset.value];
  if (mark.dataset.before) lines.push(`${plot.dataset.before}: ${mark.dataset.before}`);
  if (mark.dataset.notes) lines.push(mark.dataset.notes);
  tip.replaceChildren(...lines.map((text, place) => {
    const line = document.createElement(place === 1 ? "strong" : "span");
    line.textContent = text;
    return line;
  }));
  tip.hidden = false;
  const box = plot.getBoundingClientRect();
  const at = mark.getBoundingClientRect();
  const middle = at.left + at.width / 2 - box.left;
  const left = Math.min(Math.max(middle - tip.offsetWidth / 2, 0), box.width - tip.offsetWidth);
  tip.style.setProperty("left", `${left}px`);
};
document.addEventListener("pointermove", showBucket);
document.addEventListener("pointerdown", showBucket);

// Menus close by Escape and by a click elsewhere.
const menus = () => document.querySelectorAll("details.menu");
document.addEventListener("click", (event) => {
  menus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") menus().forEach((menu) => { menu.open = false; });
});

// Keys: those that the page's own links and menus name. `?` lists them.
const keyed = () => [...document.querySelectorAll("[data-key]")];
const press = (element) => {
  const menu = element.closest("details.menu");
  if (element.matches("a")) return element.click();
  if (menu) menu.open = element.matches("summary") ? !menu.open : true;
  const first = () => menu.querySelector("select") ?? menu.querySelector("a, input:not([type=hidden])");
  (element.matches("summary") ? first() : element).focus();
};
const listShortcuts = (dialog) => {
  const names = { ArrowLeft: "\u2190", ArrowRight: "\u2192" };
  const rows = keyed().map((element) => {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = names[element.dataset.key] ?? element.dataset.key.toUpperCase();
    text.textContent = element.labels ? element.labels[0].textContent : element.textContent.trim();
    return [term, text];
  });
  dialog.querySelector("dl").replaceChildren(...rows.flat());
  dialog.showModal();
};
// While another page is on its way, keys wait for it: they are about what it says.
const whenThere = (act) => {
  if (!document.querySelector("#progress.htmx-request")) return act();
  document.addEventListener("htmx:afterSettle", () => whenThere(act), { once: true });
};
const keyedBy = (event) => keyed().find((each) => (
  each.dataset.key === (event.key.length === 1 ? event.key.toLowerCase() : event.key)
));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  const dialog = document.querySelector("dialog.shortcuts");
  if (event.key === "?" && dialog) return listShortcuts(dialog);
  if (!keyedBy(event) || event.target.closest("svg, .card-tabs, .tabs") && event.key.startsWith("Arrow")) return;
  event.preventDefault();
  whenThere(() => {
    const element = keyedBy(event);
    if (element) press(element);
  });
});

// A click changes the page in place: with other filters or days it stays where it was, another one
// is read from its top. Whoever uses the keyboard goes on there.
const seen = { path: location.pathname, top: 0 };
document.addEventListener("htmx:beforeSwap", () => { seen.top = scrollY; });
document.addEventListener("htmx:afterSettle", () => {
  if (!location.hash) scrollTo(0, location.pathname === seen.path ? seen.top : 0);
  seen.path = location.pathname;
  if (document.activeElement === document.body) document.querySelector("#main")?.focus({ preventScroll: true });
});
// What could not be fetched is opened as a page: the browser says what is wrong.
document.addEventListener("htmx:sendError", (event) => {
  const { elt, verb } = event.detail.requestConfig;
  if (verb === "get") location.assign(elt.href ?? location.href);
});
