import assert from "node:assert/strict";
import { test } from "node:test";

import { element, load } from "./page.js";

const { isDownload, readTag } = await load("clicks.js");

for (const [attributes, name, props, revenue] of [
  [{ class: "btn plausible-event-name=Sign+Up" }, "Sign Up", {}, {}],
  [{ class: "plausible-event-name--Buy plausible-event-plan--pro" }, "Buy", { plan: "pro" }, {}],
  [{ "data-event-name": "Buy", "data-event-item": "1+1=2" }, "Buy", { item: "1+1=2" }, {}],
  [
    { "data-event-name": "Buy", "data-revenue-amount": "12.30", "data-revenue-currency": "EUR" },
    "Buy",
    {},
    { amount: "12.30", currency: "EUR" },
  ],
]) {
  test(`the tag of ${JSON.stringify(attributes)}`, () => {
    const tag = readTag(element(attributes));
    assert.deepEqual([tag.name, tag.props, tag.revenue], [name, props, revenue]);
  });
}

for (const attributes of [{}, { class: "name event" }, { "data-event-item": "x" }, { id: "data-event-name=x" }]) {
  test(`no tag of ${JSON.stringify(attributes)}`, () => assert.ok(!readTag(element(attributes))));
}

for (const [path, is] of [
  ["/prices.pdf", true],
  ["/a.b/archive.tar.gz", true],
  ["/pdf", false],
  ["/prices.html", false],
  ["/", false],
]) {
  test(`${path} is ${is ? "a" : "no"} download`, () => assert.equal(isDownload(path), is));
}
