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
