/** The regions that are known, and the choice among them. */

import { apiOf } from "./address.js";
import { within } from "./system.js";

/** After so many failures in a row another region is looked for. */
const FAILURES = 2;

export class Regions {
  #apis; // by URL, the best first
  #names = new Map(); // by URL
  #looks;
  #failures = 0;
  #failed = new Set(); // since the last connection that worked
  #exploredAt = null; // the place whose API was asked for the regions
  #back = null; // where to return if a directed attempt fails

  /**
   * @param {string} url The WebSocket URL to begin with.
   * @param {string|null} [api] The base URL of the HTTP API there; null to look for no other region.
   */
  constructor(url, api = apiOf(url)) {
    this.home = this.url = url;
    this.#looks = api !== null;
    this.#apis = new Map([[url, api]]);
  }

  /** The URLs of all regions that are known, the best first. */
  get known() {
    return [...this.#apis.keys()];
  }

  /** The regions' names, in the order of `known`; "" before an API has told it. */
  get names() {
    return this.known.map((url) => this.#names.get(url) ?? "");
  }

  /** The APIs to ask for the regions: that of the present one last, as it may be away. */
  asks() {
    const others = [...this.#apis].filter(([url]) => url !== this.url).map(([, api]) => api);
    return [...new Set([...others, this.#apis.get(this.url)].filter((api) => api))];
  }

  /** Take note of an answer of `GET /v1/endpoint`; false if it cannot be read. */
  learn(answer) {
    return this.#read(answer).length > 0;
  }

  /** Ask this region for the others, once: when it is away, it cannot be asked. Whether it has answered. */
  async explore(token, system, withinMs) {
    if (!this.#looks || this.#exploredAt === this.url) return false;
    this.#exploredAt = this.url;
    return this.learn(await ask(this.asks().reverse(), token, system, withinMs));
  }

  /** The regions as another one tells them; null if nobody answered. */
  look(token, system, withinMs) {
    return ask(this.asks(), token, system, withinMs);
  }

  /** The server, or the user, has named the place for the next connection. */
  direct(url) {
    this.#back = this.url;
    this.url = url;
    this.#failures = 0;
    if (this.#looks && !this.#apis.has(url)) this.#apis.set(url, apiOf(url));
  }

  /** A connection works. */
  opened() {
    this.#failures = 0;
    this.#back = null;
    this.#failed.clear();
  }

  /** An attempt did not lead to a connection that works; whether to look for a region now. */
  failed() {
    if (this.#back !== null) {
      this.url = this.#back;
      this.#back = null;
      return false;
    }
    this.#failures++;
    return this.#looks && this.#failures % FAILURES === 0;
  }

  /** Choose the next place by an answer of `GET /v1/endpoint`; null if nobody answered. */
  move(answer) {
    const read = this.#read(answer);
    const places = read.length > 0 ? read : this.known;
    this.#failed.add(this.url);
    let options = places.filter((url) => !this.#failed.has(url));
    if (options.length === 0) {
      this.#failed.clear();
      options = [...places.filter((url) => url !== this.url), this.url];
    }
    this.url = options[0];
  }

  /** The URLs of the healthy regions in an answer; none if it cannot be read. All are known from now on. */
  #read(answer) {
    if (!Array.isArray(answer?.fallbacks)) return [];
    const healthy = [answer, ...answer.fallbacks];
    const all = [...healthy, ...(answer.unhealthy ?? [])];
    if (!all.every((each) => each?.url && each.api)) return [];
    const found = new Map();
    for (const { url, api, region } of all) {
      if (found.has(url)) continue; // several regions may share a host: the healthy one answers there
      found.set(url, api);
      this.#names.set(url, region ?? "");
    }
    const earlier = [...this.#apis].filter(([url]) => !found.has(url));
    this.#apis = new Map([...found, ...earlier]);
    return healthy.map(({ url }) => url);
  }
}

/** The first answer of these APIs, asked one after the other; null if there is none. */
async function ask(apis, token, system, withinMs) {
  for (const api of apis) {
    const url = `${api}/v1/endpoint`;
    const late = () => new Error(`no answer of ${url}`);
    try {
      const asked = system.fetch(url, { headers: { Authorization: `Bearer ${token}` } });
      const answer = await within(system, withinMs, asked, late);
      if (answer.ok) return await within(system, withinMs, answer.json(), late);
    } catch {
      // It is away, or does not let this page ask: the next one may answer.
    }
  }
  return null;
}
