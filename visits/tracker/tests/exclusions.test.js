import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./page.js";

for (const [path, patterns, does] of [
  ["/a", "/a", true],
  ["/a/", "/a", true],
  ["/a/b", "/a", false],
  ["/a/b", "/a/*", true],
  ["/a/b/c", "/a/*", false],
  ["/a/b/c", "/a/**", true],
  ["/x", "/a, /x", true],
  ["/", "-", false],
  ["/anything/at/all", "**", true],
]) {
  test(`${path} ${does ? "meets" : "does not meet"} ${patterns}`, async () => {
    const { meets } = await load("exclusions.js", { path });
    assert.equal(meets(patterns), does);
  });
}

for (const [hostname, is] of [
  ["shop.example", true],
  ["localhost", false],
  ["app.localhost", false],
  ["127.0.0.1", false],
  ["[::1]", false],
  ["", false],
]) {
  test(`${hostname || "a file"} is ${is ? "" : "not "}counted`, async () => {
    const { isCounted } = await load("exclusions.js");
    globalThis.location.hostname = hostname;
    assert.equal(!!isCounted(), is);
  });
}

test("a browser that opted out is not counted, one that forbids storing is", async () => {
  const { isCounted } = await load("exclusions.js");
  globalThis.localStorage = { plausible_ignore: "true" };
  assert.ok(!isCounted());
  globalThis.localStorage = undefined;
  assert.ok(isCounted());
});

test("staff choose by what stands behind the address", async () => {
  const { readChoice } = await load("exclusions.js");
  globalThis.location.hash = "#trackingsite-ignore";
  readChoice();
  assert.equal(globalThis.localStorage.plausible_ignore, true);
  globalThis.location.hash = "#part";
  readChoice();
  assert.equal(globalThis.localStorage.plausible_ignore, true);
  globalThis.location.hash = "#trackingsite-count";
  readChoice();
  assert.equal(globalThis.localStorage.plausible_ignore, false);
});
