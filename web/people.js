/** The page's state of friends with presence, moments and notifications, without any elements. */

import { newId } from "./tidings.js";

export class People {
  friends = [];
  loaded = false;
  #seen = new Map(); // user → timestamp of the newest presence received

  constructor(me, api, tidings, changed) {
    this.me = me;
    this.api = api;
    this.tidings = tidings;
    this.changed = changed;
    this.status = "online";
    tidings.on("friend_status_update", (data) => this.#onStatus(data));
    tidings.on("recovery", ({ first }) => {
      if (first) return;
      this.load();
      // A new connection starts as online, so set the chosen status again.
      if (this.status !== "online") this.setStatus(this.status).catch(() => {});
    });
  }

  get incoming() {
    return this.friends.filter((each) => each.status === "incoming");
  }

  presenceOf(user) {
    return this.friends.find((each) => each.user_id === user && each.presence)?.presence ?? null;
  }

  async load() {
    const { friends } = await this.api.friends();
    this.friends = friends.sort((a, b) => a.user_id.localeCompare(b.user_id));
    this.loaded = true;
    this.changed();
  }

  async add(user) {
    const friend = await this.api.putFriend(user);
    await this.load();
    return friend;
  }

  async remove(user) {
    await this.api.removeFriend(user);
    await this.load();
  }

  async setStatus(status) {
    this.status = status;
    await this.tidings.call("set_status", { status });
  }

  #onStatus({ user_id: user, status, timestamp }) {
    if (timestamp < (this.#seen.get(user) ?? "")) return; // older than one already received
    this.#seen.set(user, timestamp);
    const friend = this.friends.find((each) => each.user_id === user);
    // Not a known friend: the friendship has just begun.
    if (!friend || friend.status !== "friends") this.load().catch(() => {});
    else friend.presence = { status, last_seen: status === "offline" ? timestamp : null };
    this.changed();
  }
}

/** A feed, newest first: moments or notifications. */
export class Feed {
  items = [];
  mayHaveOlder = true;
  loaded = false;
  supported = true;
  fresh = 0; // items since the feed was last viewed
  #fetch;

  /**
   * @param {string} event The server's event with a new item.
   * @param {(before?: string) => Promise<{items: object[], more: boolean}>} fetch
   */
  constructor(tidings, event, fetch, changed) {
    this.changed = changed;
    this.#fetch = fetch;
    tidings.on(event, (item) => {
      if (this.put(item)) this.fresh += 1;
      this.changed();
    });
    tidings.on("recovery", ({ first }) => {
      if (!first && this.loaded) this.#page().catch(() => {});
    });
  }

  /** Load the first page when the feed is first viewed. */
  async load() {
    if (!this.loaded) await this.#page();
  }

  async older() {
    await this.#page(this.items.at(-1)?.message_id);
  }

  seen() {
    this.fresh = 0;
    this.changed();
  }

  put(item) {
    if (this.items.some((each) => each.message_id === item.message_id)) return false;
    this.items.push(item);
    this.items.sort((a, b) => (a.message_id < b.message_id ? 1 : -1));
    return true;
  }

  async #page(before) {
    try {
      const { items, more } = await this.#fetch(before);
      for (const each of items) this.put(each);
      if (before || !this.loaded) this.mayHaveOlder = more;
      this.loaded = true;
    } catch (error) {
      if (error.status === 404) this.supported = false;
      else throw error;
    } finally {
      this.changed();
    }
  }
}

export function momentsFeed(api, tidings, changed) {
  const fetch = async (before) => {
    const { moments, more } = await api.moments(before);
    return { items: moments, more };
  };
  const feed = new Feed(tidings, "moment_posted", fetch, changed);
  feed.post = async (text) => {
    feed.put(await api.postMoment(text, newId()));
    changed();
  };
  return feed;
}

export function notificationsFeed(api, tidings, changed) {
  const fetch = async (before) => {
    const { notifications, more } = await api.notifications(before);
    return { items: notifications, more };
  };
  return new Feed(tidings, "notification", fetch, changed);
}
