// Clicks and submits that count as events without a line of code.
import { isOff, options, script } from "./options.js";

const FILE_TYPES =
  "pdf,xlsx,docx,txt,rtf,csv,exe,key,pps,ppt,pptx,7z,pkg,rar,gz,zip,avi,mov,mp4,mpeg,wmv,midi,mp3,wav,wma,dmg";
const TAG = /^\w+-(event|revenue)-(.+?)(?:=|--)(.+)/;

/** Return whether the file is of a kind whose downloads are counted. */
export function isDownload(path) {
  const { fileDownloads: chosen = true } = options;
  const own = script.getAttribute("file-types") || chosen.fileExtensions || chosen;
  return `${own === true ? FILE_TYPES : own},${script.getAttribute("add-file-types")}`.split(",").includes(path.split(".").pop());
}

/** Return the event that an element's classes and attributes name, nothing when they name none. */
export function readTag({ attributes, classList }) {
  const tag = { event: {}, revenue: {} };
  const read = (token) => {
    const [, kind, key, value] = TAG.exec(token) || [];
    if (key) tag[kind][key] = value;
  };
  for (const token of classList) read(token.replace(/\+/g, " "));
  for (const { name, value } of attributes) read(name + "=" + value);
  const { name, ...props } = tag.event;
  return name && { ...tag, name, props };
}

/** Tell `track` of what is clicked and sent from now on. */
export function watchClicks(track) {
  const onClick = (event) => {
    if (event.button > 1) return;
    // Also from within a component's own tree.
    const [element] = event.composedPath();
    const { href, host, pathname } = element.closest("a[href]") || {};
    // A form's tag counts when it is sent.
    const tagged = element.closest(":not(form):is([class*=-event-name],[data-event-name])");
    const tag = tagged && readTag(tagged);
    if (tag) {
      if (href) tag.props.url = href;
      track(tag.name, tag);
    } else if (host && host !== location.host) {
      if (!isOff("outboundLinks")) track("Outbound Link: Click", { props: { url: href } });
    } else if (host && !isOff("fileDownloads") && isDownload(pathname)) {
      track("File Download", { props: { url: href.split("?")[0] } });
    }
  };
  const onSubmit = ({ target }) => {
    const tag = readTag(target) || (!isOff("formSubmissions") && { name: "Form: Submission" });
    if (tag) track(tag.name, tag);
  };
  for (const name of ["click", "auxclick"]) addEventListener(name, onClick, true);
  addEventListener("submit", onSubmit, true);
}
