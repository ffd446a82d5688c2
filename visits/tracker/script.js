// trackingsite: counts page views and custom events. No cookie, nothing stored in the browser.
(function () {
  "use strict";
  var script = document.currentScript;
  var endpoint = new URL("/api/event", script.src).href;
  var domain = script.getAttribute("data-domain") || location.hostname;
  var page, from = document.referrer, engaged, visibleSince, depth;

  function send(fields) {
    var body = JSON.stringify(fields);
    // text/plain needs no CORS preflight; both ways outlive the page.
    if (window.fetch) {
      fetch(endpoint, { method: "POST", body: body, keepalive: true, credentials: "omit",
        headers: { "Content-Type": "text/plain" } }).catch(function () {});
    } else {
      navigator.sendBeacon(endpoint, body);
    }
  }

  // Whether a program says that it drives this browser, as tests do. Its hits are sent all the
  // same: the server leaves them out, and its answer says why.
  function isAutomated() {
    return navigator.webdriver || window.__nightmare || window._phantom || window.callPhantom ||
      window.Cypress;
  }

  function hit(name, more) {
    var fields = { n: name, u: page || location.href, d: domain };
    if (isAutomated()) fields.b = 1;
    for (var key in more) fields[key] = more[key];
    send(fields);
  }

  // A page that is rendered ahead is counted when somebody sees it, and so are its events.
  function whenShown(act) {
    if (document.prerendering) document.addEventListener("prerenderingchange", act, { once: true });
    else act();
  }

  function timeZone() {
    return Intl.DateTimeFormat().resolvedOptions().timeZone;
  }

  // Scroll depth: the lowest point of the page that was on the screen, in percent of its height.
  function measureDepth() {
    var height = document.documentElement.scrollHeight || 1;
    depth = Math.max(depth, Math.min(100, Math.round(100 * (scrollY + innerHeight) / height)));
  }

  // Engagement: the time for which the page was visible, told when it is hidden or left.
  function sendEngagement() {
    if (visibleSince) engaged += Date.now() - visibleSince;
    visibleSince = 0;
    if (page && engaged >= 100) hit("engagement", { e: Math.round(engaged), sd: depth });
    engaged = 0;
  }

  function view() {
    var here = location.href.split("#")[0];
    // Longer than the server takes: the path is what counts.
    if (here.length > 2000) here = here.split("?")[0];
    if (page === here) return;
    if (page) {
      sendEngagement();
      from = page;
    }
    page = here;
    engaged = depth = 0;
    visibleSince = document.visibilityState === "visible" ? Date.now() : 0;
    measureDepth();
    hit("pageview", {
      r: from.slice(0, 2000),
      t: Array.from(document.title).slice(0, 500).join(""),
      w: innerWidth,
      l: navigator.language,
      tz: timeZone()
    });
  }

  function onVisibility() {
    if (document.visibilityState === "visible") visibleSince = visibleSince || Date.now();
    else sendEngagement();
  }

  function watch(name) {
    var original = history[name];
    history[name] = function () {
      var result = original.apply(this, arguments);
      whenShown(view);
      return result;
    };
  }

  window.trackingsite = function (name, props) {
    whenShown(function () {
      hit(name, { p: props || {}, tz: timeZone() });
    });
  };

  watch("pushState");
  watch("replaceState");
  addEventListener("popstate", function () {
    whenShown(view);
  });
  addEventListener("scroll", measureDepth, { passive: true });
  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("pagehide", sendEngagement);
  addEventListener("pageshow", function (event) {
    if (event.persisted) {
      page = "";
      view();
    }
  });

  whenShown(view);
})();
