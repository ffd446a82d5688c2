// What is told of a page view or an event, and how it is sent.
import { isCounted } from "./exclusions.js";
import { options, usesHash } from "./options.js";

/** Return a hit by the contract's short names; what is undefined is not sent. */
export function makeHit(name, { props, revenue, interactive, u, url = u || location.href }) {
  const { customProperties: own } = options;
  return {
    n: name,
    u: url.slice(0, 2000), // the server's limit
    d: options.domain,
    h: WHOLE ? !!usesHash() : undefined,
    i: interactive,
    p: WHOLE ? { ...(own?.call ? own(name) : own), ...props } : props,
    $: revenue,
    r: document.referrer,
    t: document.title,
    w: innerWidth,
    l: navigator.language,
    tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
    // Sent all the same: the server leaves these out, and its answer says why.
    b: !!(navigator.webdriver || window.__nightmare || window._phantom || window.callPhantom || window.Cypress),
  };
}

/** Return the hit as its author changed it; nothing when it is not to be sent. */
export function admit(hit) {
  if (WHOLE) {
    const change = window[options.transformRequest] || options.transformRequest;
    if (change) hit = change(hit);
  }
  return isCounted() && hit;
}

/** Send a hit. The server stores one id once, so that the picture cannot count twice. */
export function send(hit, callback) {
  const address = (WHOLE && options.endpoint) || options.api;
  if (WHOLE) hit.id = Date.now() + "" + Math.random();
  const body = JSON.stringify(hit);
  // Outlives the page; as text it asks for no leave beforehand; no cookie goes along.
  fetch(address, { method: "POST", body, keepalive: true, credentials: "omit" }).then(
    WHOLE ? callback : undefined,
    (error) => {
      if (!WHOLE) return;
      // What stops the request, a policy or a blocker, may let pictures through.
      new Image().src = `${address}.gif?hit=${encodeURIComponent(body)}`;
      callback?.({ error });
    },
  );
}
