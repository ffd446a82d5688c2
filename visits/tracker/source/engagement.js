// How long a page was looked at and how far it was read: told when it is hidden, left or replaced.

/** Milliseconds of looking that are worth a hit of their own. */
const WORTH_TELLING_MS = 1000;

let tell, engaged, since, deepest, told;

/** Begin with a page; `send` takes its engagement. Without one the page is not counted. */
export function begin(send) {
  finish();
  tell = send;
  engaged = since = deepest = told = 0;
  look();
}

const measure = () => (deepest = Math.max(deepest, scrollY + innerHeight));

/** Tell what is new: the page was read further, or looked at for a while. */
function finish() {
  if (since) engaged += Date.now() - since;
  since = 0;
  const depth = Math.round((100 * measure()) / document.documentElement.scrollHeight);
  if (tell && (depth > told || engaged >= WORTH_TELLING_MS)) {
    tell({ e: engaged, sd: (told = depth) });
    engaged = 0;
  }
}

function look() {
  if (document.hidden || !document.hasFocus()) finish();
  else since = since || Date.now();
}

addEventListener("scroll", measure);
for (const name of ["focus", "blur", "visibilitychange"]) addEventListener(name, look);
