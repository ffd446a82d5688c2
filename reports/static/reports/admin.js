// The button beside the tracking code.
"use strict";
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const code = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    // No clipboard without HTTPS: mark the text, so that one key copies it.
    getSelection().selectAllChildren(code);
    button.textContent = "Press Ctrl+C";
  }
});
