// Makes report pages nicer; without it they show the same figures.
"use strict";

// Charts: the bucket under the pointer, in a box beside it.
document.querySelectorAll("[data-chart]").forEach((plot) => {
  const tip = plot.querySelector(".tip");
  const svg = plot.querySelector("svg");
  plot.querySelectorAll("title").forEach((title) => title.remove());
  const show = (event) => {
    const mark = event.target.closest("rect.hit");
    if (!mark) return;
    const lines = [mark.dataset.label, mark.dataset.value];
    if (mark.dataset.before) lines.push(`before: ${mark.dataset.before}`);
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
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", () => { tip.hidden = true; });
});

// Menus close by Escape and by a click elsewhere.
const menus = document.querySelectorAll("details.menu");
document.addEventListener("click", (event) => {
  menus.forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") menus.forEach((menu) => { menu.open = false; });
});

// Keys: those that the page's own links and menus name. `?` lists them.
const keyed = () => [...document.querySelectorAll("[data-key]")];
const shortcuts = document.querySelector("dialog.shortcuts");
const press = (element) => {
  const menu = element.closest("details.menu");
  if (element.matches("a")) return element.click();
  if (menu) menu.open = element.matches("summary") ? !menu.open : true;
  (element.matches("summary") ? menu.querySelector("select") ?? menu.querySelector("a, input:not([type=hidden])") : element).focus();
};
const listShortcuts = () => {
  const names = { ArrowLeft: "\u2190", ArrowRight: "\u2192" };
  const rows = keyed().map((element) => {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = names[element.dataset.key] ?? element.dataset.key.toUpperCase();
    text.textContent = element.labels ? element.labels[0].textContent : element.textContent.trim();
    return [term, text];
  });
  shortcuts.querySelector("dl").replaceChildren(...rows.flat());
  shortcuts.showModal();
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  if (event.key === "?" && shortcuts) return listShortcuts();
  const element = keyed().find((each) => each.dataset.key === (event.key.length === 1 ? event.key.toLowerCase() : event.key));
  if (!element || event.target.closest("svg, .card-tabs, .tabs") && event.key.startsWith("Arrow")) return;
  event.preventDefault();
  press(element);
});
