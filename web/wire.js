/** Under the hood: raw frames, the latency of each sent message, and the stack's counters. */

import { stats } from "./api.js";
import { $, h, setText } from "./dom.js";

const KEPT = 150;
const SHOWN = 40;
const EVERY_MS = 2_000;
const SVG = "http://www.w3.org/2000/svg";

export class Wire {
  #latencies = [];
  #paused = false;
  #timer = null;

  constructor(tidings) {
    tidings.on("frame", (tap) => this.#onFrame(tap));
    tidings.on("answered", ({ action, ms, ok }) => {
      if (action === "send_message" && ok) this.#onLatency(ms);
    });
    $("wire-toggle").onclick = () => this.toggle();
    $("wire-close").onclick = () => this.toggle(false);
    $("frames-clear").onclick = () => $("frames").replaceChildren();
    $("frames-pause").onclick = () => {
      this.#paused = !this.#paused;
      $("frames-pause").setAttribute("aria-pressed", String(this.#paused));
      setText($("frames-pause"), this.#paused ? "Resume" : "Pause");
    };
    $("wire").onkeydown = (event) => {
      if (event.key === "Escape") this.toggle(false);
    };
  }

  toggle(isOpen = $("wire").hidden) {
    $("wire").hidden = !isOpen;
    $("wire-toggle").setAttribute("aria-expanded", String(isOpen));
    document.body.classList.toggle("with-wire", isOpen);
    clearTimeout(this.#timer);
    if (isOpen) {
      this.#poll();
      $("wire-close").focus();
    } else {
      $("wire-toggle").focus();
    }
  }

  #onFrame({ direction, text, frame }) {
    if (this.#paused) return;
    const name = frame.action ?? frame.event ?? "?";
    const id = frame.id === undefined ? "" : `#${frame.id}`;
    const time = new Date().toISOString().slice(11, 23);
    const body = h("pre", {});
    const summary = h("summary", {},
      h("span", { class: "arrow", "aria-hidden": "true" }, direction === "in" ? "↓" : "↑"),
      h("span", { class: "sr" }, direction === "in" ? "received " : "sent "),
      h("span", { class: "name" }, name), h("span", { class: "muted" }, id),
      h("span", { class: "muted when" }, time));
    // Formatted only when it is opened, as a busy room has many frames.
    const details = h("details", { ontoggle: () => details.open && setText(body, pretty(text, frame)) }, summary, body);
    $("frames").prepend(h("li", { class: direction === "in" ? "in" : "out" }, details));
    while ($("frames").childElementCount > KEPT) $("frames").lastChild.remove();
  }

  #onLatency(ms) {
    this.#latencies = [...this.#latencies, ms].slice(-SHOWN);
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    setText($("latency-last"), `${Math.round(ms)} ms`);
    const median = Math.round(sorted[Math.floor(sorted.length / 2)]);
    setText($("latency-median"), `median of the last ${sorted.length}: ${median} ms`);
    const most = sorted.at(-1);
    $("latency-chart").replaceChildren(...this.#latencies.map((each, index) => bar(index, each / most)));
  }

  async #poll() {
    if (navigator.onLine === false) return this.#again();
    try {
      const { connections, messages_per_s: rate, queues, dead_letters: dead } = await stats();
      setText($("ops-connections"), String(connections));
      setText($("ops-rate"), rate.toFixed(1));
      setText($("ops-queues"), String(Object.values(queues).reduce((sum, each) => sum + each, 0)));
      setText($("ops-dead"), String(dead));
    } catch {
      for (const each of document.querySelectorAll("#ops dd")) setText(each, "–");
    }
    this.#again();
  }

  #again() {
    if (!$("wire").hidden) this.#timer = setTimeout(() => this.#poll(), EVERY_MS);
  }
}

function bar(index, share) {
  const height = Math.max(2, share * 44);
  const rect = document.createElementNS(SVG, "rect");
  const place = { x: index * 6, y: 44 - height, width: 4, height, rx: 1 };
  for (const [name, value] of Object.entries(place)) rect.setAttribute(name, String(value));
  return rect;
}

/** The frame as it was sent, but with tokens hidden: they are secrets, and screens are shared. */
function pretty(text, frame) {
  if (frame.data?.token) return JSON.stringify({ ...frame, data: { ...frame.data, token: "…" } }, null, 2);
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
