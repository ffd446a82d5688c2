// A page as the modules find it: as much of a browser as they ask for when they are loaded.

/** Load one of the modules on a page at a path, whose tag has these attributes. */
export async function load(module, { path = "/", attributes = {} } = {}) {
  const dataset = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("data-")) dataset[name.slice(5).replace(/-./g, ([, letter]) => letter.toUpperCase())] = value;
  }
  globalThis.WHOLE = true;
  globalThis.location = { hostname: "shop.example", pathname: path, hash: "" };
  globalThis.localStorage = {};
  globalThis.document = {
    currentScript: {
      src: "https://stats.example/js/script.js",
      dataset,
      attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })),
      getAttribute: (name) => attributes[name] ?? null,
    },
  };
  load.count = (load.count ?? 0) + 1;
  // Modules are loaded once; the options are of one page each.
  const fresh = await import(`../source/${module}?${load.count}`);
  const { options } = await import("../source/options.js");
  for (const name of Object.keys(options)) delete options[name];
  Object.assign(options, { domain: "shop.example" }, dataset);
  return fresh;
}

/** An element with these attributes. */
export function element(attributes) {
  return {
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })),
    classList: (attributes.class ?? "").split(/\s+/).filter(Boolean),
  };
}
