/** The sidebar with rooms, friends and moments, and the dialog with notifications. */

import { $, avatar, h, icon, keyed, setAttribute, setText, shortWhen, textOf, toast } from "./dom.js";
import { presenceText } from "./conversation.js";

const TABS = ["chats", "people", "moments"];

export class Sidebar {
  constructor({ rooms, people, moments, notices, api, kept, onRoom, onChat }) {
    Object.assign(this, { rooms, people, moments, notices, api, kept, onRoom, onChat });
    this.tab = "chats";
    for (const button of document.querySelectorAll("[data-tab]")) {
      button.onclick = () => this.show(button.dataset.tab);
    }
    $("add-friend").onsubmit = (event) => {
      event.preventDefault();
      this.#addFriend();
    };
    $("post-moment").onsubmit = (event) => {
      event.preventDefault();
      this.#postMoment();
    };
    $("moments-older").onclick = () => attempt(() => moments.older(), "Not loaded");
    $("bell").onclick = () => this.#openNotices();
    $("notices-older").onclick = () => attempt(() => notices.older(), "Not loaded");
    $("notify-me").onclick = () => attempt(() => this.#notifyMe(), "Not sent");
    $("my-status").onchange = () =>
      attempt(() => people.setStatus($("my-status").value), "The status was not set");
  }

  show(tab) {
    this.tab = tab;
    if (tab === "moments") {
      this.moments.seen();
      attempt(() => this.moments.load(), "Moments were not loaded");
    }
    this.render();
  }

  render() {
    for (const tab of TABS) {
      $(`tab-${tab}`).hidden = tab !== this.tab;
      setAttribute(document.querySelector(`[data-tab="${tab}"]`), "aria-current", tab === this.tab ? "page" : null);
    }
    if (this.tab === "moments" && this.moments.fresh > 0) this.moments.fresh = 0;
    badge($("chats-count"), this.rooms.unread, "unread");
    badge($("people-count"), this.people.incoming.length, "requests");
    badge($("moments-count"), this.moments.fresh, "new");
    this.#renderRooms();
    this.#renderFriends();
    renderFeed(this.moments, $("moments"), $("moments-empty"), $("moments-older"), "Nothing yet. Moments are shown to all of your friends.");
    this.#renderNotices();
  }

  #renderRooms() {
    $("rooms-empty").hidden = !this.rooms.loaded || this.rooms.listed.length > 0;
    keyed($("rooms"), this.rooms.listed, (room) => room.id, (room) => {
      const face = h("span", { class: "face" });
      const name = h("span", { class: "strong cut" });
      const when = h("span", { class: "small muted" });
      const last = h("span", { class: "cut muted" });
      const count = h("span", { class: "badge" });
      const text = h("span", { class: "row-text" }, h("span", { class: "row-line" }, name, when), h("span", { class: "row-line" }, last, count));
      const button = h("button", { type: "button", class: "row", onclick: () => this.onRoom(room.id) }, face, text);
      const node = h("li", {}, button);
      node.update = (now) => {
        const presence = now.type === "private_chat" ? this.people.presenceOf(now.name) : null;
        faceOf(face, now.name, presence?.status);
        setText(name, now.name);
        setText(when, now.latestAt ? shortWhen(now.latestAt) : "");
        setText(last, this.#lastWords(now));
        last.classList.toggle("now", now.typing.size > 0);
        badge(count, now.unread, "unread");
        setAttribute(button, "aria-current", now.id === this.rooms.openId ? "true" : null);
      };
      return node;
    });
  }

  #lastWords(room) {
    const typists = this.rooms.typists(room);
    if (typists.length > 0) return room.type === "private_chat" ? "typing…" : `${typists[0]} is typing…`;
    const draft = room.id === this.rooms.openId ? "" : this.kept.draft(room.id);
    if (draft) return `Draft: ${draft}`;
    const last = room.messages.at(-1);
    if (!last) return "No messages yet";
    const who = last.sender_id === this.rooms.me ? "You: " : room.type === "group_chat" ? `${last.sender_id}: ` : "";
    return who + (last.is_deleted ? "deleted a message" : textOf(last.content));
  }

  #renderFriends() {
    $("friends-empty").hidden = !this.people.loaded || this.people.friends.length > 0;
    const key = (friend) => `${friend.user_id} ${friend.status}`;
    keyed($("friends"), this.people.friends, key, (friend) => {
      const user = friend.user_id;
      const face = h("span", { class: "face" });
      const about = h("span", { class: "small muted" });
      const act = (name, work, problem, look = "quiet") =>
        h("button", { type: "button", class: look, "aria-label": `${name}: ${user}`, onclick: () => attempt(work, problem) }, name);
      const buttons = {
        friends: [act("Chat", () => this.onChat(user), "The chat was not opened")],
        incoming: [act("Accept", () => this.people.add(user), "Not accepted", "primary")],
        requested: [],
      }[friend.status];
      const remove = h("button", { type: "button", class: "tool", title: "Remove", onclick: () => attempt(() => this.people.remove(user), "Not removed") },
        icon("close"), h("span", { class: "sr" }, `Remove: ${user}`));
      // An incoming request can be accepted or ignored; only its sender can withdraw it.
      remove.hidden = friend.status === "incoming";
      const text = h("div", { class: "row-text" }, h("span", { class: "strong cut" }, user), about);
      const node = h("li", { class: "row", "data-user": user }, face, text, ...buttons, remove);
      node.update = (now) => {
        faceOf(face, user, now.presence?.status);
        const states = { incoming: "wants to be your friend", requested: "request sent, no answer yet" };
        setText(about, states[now.status] ?? (presenceText(now.presence) || "Friend"));
      };
      return node;
    });
  }

  #renderNotices() {
    const { fresh } = this.notices;
    badge($("bell-count"), fresh, "");
    setText($("bell-label"), fresh > 0 ? `Notifications, ${fresh} new` : "Notifications");
    renderFeed(this.notices, $("notice-list"), $("notices-empty"), $("notices-older"), "Nothing yet.");
  }

  async #addFriend() {
    const user = $("friend-name").value.trim();
    if (!user) return $("friend-name").focus();
    await attempt(async () => {
      const friend = await this.people.add(user);
      $("friend-name").value = "";
      toast(friend.status === "friends" ? `You and ${user} are friends now` : `Friend request sent to ${user}`);
    }, "Not added");
  }

  async #postMoment() {
    const text = $("moment-text").value.trim();
    if (!text) return $("moment-text").focus();
    await attempt(async () => {
      await this.moments.post(text);
      $("moment-text").value = "";
    }, "Not posted");
  }

  async #openNotices() {
    $("notices").showModal();
    this.notices.seen();
    await attempt(() => this.notices.load(), "Notifications were not loaded");
  }

  async #notifyMe() {
    const at = new Date().toLocaleTimeString();
    await this.api.notifyMe({ title: "A test", body: `Your back end says hello at ${at}.` });
  }
}

function renderFeed(feed, list, empty, older, nothing) {
  const none = feed.items.length === 0;
  empty.hidden = !none || !(feed.loaded || !feed.supported);
  setText(empty, feed.supported ? nothing : "This server does not support it.");
  older.hidden = none || !feed.mayHaveOlder;
  keyed(list, feed.items, (item) => item.message_id, (item) => {
    const content = item.content ?? {};
    const title = typeof content === "object" && typeof content.title === "string" ? content.title : item.sender_id;
    const text = typeof content === "object" && typeof content.body === "string" ? content.body : textOf(content);
    const when = h("time", { class: "small muted", datetime: item.timestamp }, shortWhen(item.timestamp));
    return h("li", { class: "item" }, avatar(title), h("div", {}, h("p", { class: "row-line" }, h("span", { class: "strong cut" }, title), when), h("p", { class: "text" }, text)));
  });
}

function faceOf(node, name, status) {
  const key = `${name}/${status ?? ""}`;
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  node.replaceChildren(avatar(name, status));
}

function badge(node, count, of) {
  node.hidden = !count;
  if (node.dataset.count === String(count)) return;
  node.dataset.count = String(count);
  node.replaceChildren(count >= 100 ? "99+" : String(count), h("span", { class: "sr" }, of ? ` ${of}` : ""));
}

/** Run `work`; show an error with the server's message. */
export async function attempt(work, problem) {
  try {
    return await work();
  } catch (error) {
    toast(`${problem}: ${error.code === "unknown_action" || error.status === 404 ? "this server does not support it" : error.message}`, "bad");
    return undefined;
  }
}
