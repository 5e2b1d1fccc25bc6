/** Building and updating elements. All text becomes text nodes: nothing here parses HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Create an element. Properties named on… are listeners; true sets an attribute, false omits it.
 *
 *     h("button", { class: "quiet", onclick: close }, "Close")
 */
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else setAttribute(node, name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const $ = (id) => document.getElementById(id);

export function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

/** Set the text only if it changes: screen readers announce every write to a live region. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Make the parent's children match `items`: each is built once by key, then updated through its
 * `update` property. Nodes are kept, and with them focus, scroll position and open details.
 */
export function keyed(parent, items, keyOf, build) {
  const old = parent.keyed ?? new Map();
  const next = new Map();
  for (const item of items) {
    const key = keyOf(item);
    next.set(key, old.get(key) ?? build(item));
    next.get(key).update?.(item);
  }
  const focused = document.activeElement;
  for (const [key, node] of old) if (!next.has(key)) node.remove();
  let cursor = parent.firstChild;
  for (const node of next.values()) {
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
  }
  parent.keyed = next;
  if (focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

// Stroke paths on a 24 × 24 grid.
const ICONS = {
  back: "M15 5l-7 7 7 7",
  bell: "M6 10a6 6 0 0 1 12 0c0 5 2 6 2 7H4c0-1 2-2 2-7M10 20.5h4",
  close: "M6 6l12 12M18 6L6 18",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10",
  plus: "M12 5v14M5 12h14",
  reply: "M10 6l-6 6 6 6M4 12h9c4 0 7 2 7 6",
  send: "M4 12l16-8-5 16-3-6-8-2zM12 14l8-10",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  wire: "M3 12h4l3-8 4 16 3-8h4",
  check: "M4 12.5l5 5L20 6.5",
  checks: "M2 12.5l5 5L17 7.5M12 16.5l1 1L23 7.5",
  clock: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16M12 8v4.5l3 2",
  people: "M9 5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7M2.5 20c0-4 3-5.5 6.5-5.5s6.5 1.5 6.5 5.5M16 5.5a3.3 3.3 0 0 1 0 6.2M18 14.8c2.5.700 3.8 2.2 3.8 5.2",
  down: "M12 5v14M6 13l6 6 6-6",
  leave: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Add the icons to elements such as `<button data-icon="bell">`. */
export function fillIcons(root = document) {
  for (const node of root.querySelectorAll("[data-icon]")) node.prepend(icon(node.dataset.icon));
}

/** A circle with initials, in one of eight colours derived from the name. */
export function avatar(name, status = null) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  const initials = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean).slice(0, 2);
  const text = initials.map((word) => [...word][0]).join("").toUpperCase() || "?";
  const node = h("span", { class: `avatar hue-${sum % 8}`, "aria-hidden": "true" }, text);
  if (status) node.append(h("span", { class: `dot ${status}` }));
  return node;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export const timeOf = (iso) => clock.format(new Date(iso));

/** The time if it is today, else the day. */
export function shortWhen(iso) {
  const when = new Date(iso);
  return when.toDateString() === new Date().toDateString() ? clock.format(when) : day.format(when);
}

export function dayOf(iso) {
  const when = new Date(iso);
  if (when.toDateString() === new Date().toDateString()) return "Today";
  if (when.toDateString() === new Date(Date.now() - 86_400_000).toDateString()) return "Yesterday";
  return longDay.format(when);
}

/** A message's content as text; content may be any JSON. */
export function textOf(content) {
  if (typeof content === "string") return content;
  if (content && typeof content === "object") {
    const { title, body, text } = content;
    const words = [title, body, text].filter((each) => typeof each === "string");
    if (words.length > 0) return words.join(" · ");
  }
  return JSON.stringify(content) ?? "";
}

/** Show a message for six seconds. */
export function toast(text, kind = "info") {
  const node = h("p", { class: `toast ${kind}` }, text);
  $("toasts").append(node);
  setTimeout(() => node.remove(), 6_000);
}
