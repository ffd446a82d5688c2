// trackingsite: counts page views and events. No cookie; nothing is stored in the browser.
import { watchClicks } from "./clicks.js";
import { begin } from "./engagement.js";
import { readChoice } from "./exclusions.js";
import { admit, makeHit, send } from "./hits.js";
import { isOff, options, usesHash } from "./options.js";

const early = window.trackingsite || window.plausible || {};
const waiting = early.q || [];
let hasBegun, path, notFound;

/** Count something: "pageview", or an event of the site's own. */
function track(name, details = {}) {
  if (!hasBegun) return waiting.push([name, details]);
  if (WHOLE && name === "404") {
    // Told by itself, and by the page's own call.
    if (notFound === path) return;
    notFound = path;
  }
  const hit = admit(makeHit(name, details));
  if (name === "pageview") {
    begin(hit && ((read) => send({ ...hit, n: "engagement", t: undefined, ...read })));
  }
  if (hit) send(hit, details.callback);
  else if (WHOLE) details.callback?.();
}

/** Count the page that is shown, unless it is the one that was shown before. */
function view() {
  const here = WHOLE && usesHash() ? location.href : location.pathname;
  if (here !== path) {
    path = here;
    track("pageview");
  }
}

/** Begin once somebody sees the page: not while it is rendered ahead, nor in a tab behind. */
function start() {
  if (document.hidden || document.prerendering || hasBegun) return;
  hasBegun = true;
  if (WHOLE) readChoice();
  if (!options.manual && !(WHOLE && isOff("autoCapturePageviews"))) {
    for (const name of ["pushState", "replaceState"]) {
      const original = history[name];
      history[name] = function () {
        original.apply(this, arguments);
        view();
      };
    }
    addEventListener("popstate", view);
    // A page comes back from the history as it was left.
    addEventListener("pageshow", (event) => event.persisted && view((path = "")));
    view();
  }
  for (const call of waiting) track(...call);
  if (WHOLE) {
    watchClicks(track);
    if (performance.getEntriesByType("navigation")[0].responseStatus === 404 && !isOff("notFound")) {
      track("404", { props: { path: location.pathname }, interactive: false });
    }
  }
}

// A page that has the tag twice is counted once.
if (early.d !== options.domain) {
  track.d = options.domain;
  window.trackingsite = track;
  if (WHOLE) {
    // Not in place of a Plausible that counts this page too.
    if (!window.plausible?.l) window.plausible = track;
    track.init = (more) => Object.assign(options, more);
    track.init(early.o);
  }
  for (const name of ["visibilitychange", "prerenderingchange"]) addEventListener(name, start, true);
  start();
}
