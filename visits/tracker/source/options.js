// What a page's author decides: by the name of the script's file, by its tag, and by init().

export const script = document.currentScript;

export const options = { domain: location.hostname, api: new URL("/api/event", script.src) };

if (WHOLE) {
  // script.hash.local.js says the same as data-hash and data-local.
  for (const part of script.src.split("/").pop().split(".")) options[part] = true;
}

// data-file-downloads="pdf,zip" is fileDownloads; an empty value means yes.
for (const name in script.dataset) options[name] = script.dataset[name] || true;

if (WHOLE) {
  // Properties of every hit: event-author="Ada".
  options.customProperties = {};
  for (const { name, value } of script.attributes) {
    if (/^event-/.test(name)) options.customProperties[name.slice(6)] = value;
  }
}

/** Return whether something that counts by itself was switched off. */
export const isOff = (name) => /false/.test(options[name]);

/** Return whether what follows # names a page of its own. */
export const usesHash = () => options.hash || options.hashBasedRouting;
