// The page that shows a new API key once: the key is marked when it is chosen, or copied.
"use strict";
const key = document.getElementById("made-key");
const button = document.getElementById("copy-key");
key.addEventListener("focus", () => key.select());
button.hidden = false;
button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(key.value);
    button.textContent = "Copied";
  } catch {
    // No clipboard without HTTPS: mark the key, so that one shortcut copies it.
    key.focus();
    key.select();
    button.textContent = "Press Ctrl+C";
  }
});
