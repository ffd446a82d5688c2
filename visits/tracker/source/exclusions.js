// Where nothing is counted, whatever happens on the page.
import { options } from "./options.js";

// Of names in brackets, [::1]: no site is known by an IPv6 address.
const LOCAL = /^(127\.|\[|$)|localhost$/;

/** Return whether the path meets one of the patterns: * is anything but a slash, ** anything. */
export const meets = (patterns) =>
  RegExp(
    `^(${patterns.replace(/ *, */g, "|").replace(/\*\*?/g, (stars) => (stars[1] ? ".*" : "[^/]*"))})/?$`,
  ).test(location.pathname);

/** Return whether what happens on this page, in this browser, is counted. */
export function isCounted() {
  try {
    if (/true/.test(localStorage.plausible_ignore)) return;
  } catch {
    // This browser lets no page store anything: nobody has opted out.
  }
  // No path is a dash.
  const { include = "**", exclude = "-" } = options;
  return (
    (options.local || (WHOLE && options.captureOnLocalhost) || !LOCAL.test(location.hostname)) &&
    (!WHOLE || (meets(include) && !meets(exclude)))
  );
}

/** Let this browser opt out, or in again: staff open their site with one of these behind its address. */
export function readChoice() {
  const [, choice] = location.hash.split("#trackingsite-");
  if (choice) localStorage.plausible_ignore = /ignore/.test(choice);
}
