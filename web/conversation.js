/** The open conversation: messages, composer, typing, receipts, older history on scroll. */

import { $, avatar, dayOf, h, icon, keyed, setAttribute, setText, textOf, timeOf, toast } from "./dom.js";

const TYPING_EVERY_MS = 3_000;
const TYPING_ENDS_MS = 4_000;
const NEAR_PX = 120;

export class Conversation {
  #shown = null;
  #replyTo = null;
  #typingSent = null;
  #typingTimer = null;
  #drafts = new Map();

  constructor(rooms, people, tidings, { onBack, onAddPeople }) {
    this.rooms = rooms;
    this.people = people;
    this.tidings = tidings;
    $("back").onclick = onBack;
    $("add-member").onclick = () => onAddPeople(rooms.open);
    $("older").onclick = () => this.#older();
    $("no-reply").onclick = () => this.#reply(null);
    $("composer").onsubmit = (event) => {
      event.preventDefault();
      this.#send();
    };
    $("text").oninput = () => this.#onInput();
    $("text").onkeydown = (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#send();
      } else if (event.key === "Escape" && this.#replyTo) {
        this.#reply(null);
      }
    };
    $("scroller").onscroll = () => {
      if ($("scroller").scrollTop < NEAR_PX) this.#older();
    };
    // A phone's keyboard or a growing composer must not hide the newest messages.
    let height = 0;
    new ResizeObserver(() => {
      const scroller = $("scroller");
      const wasAtEnd = scroller.scrollHeight - scroller.scrollTop - height < NEAR_PX;
      height = scroller.clientHeight;
      if (wasAtEnd) toEnd();
    }).observe($("scroller"));
  }

  render() {
    const room = this.rooms.open;
    $("room").hidden = !room;
    $("no-room").hidden = Boolean(room);
    if (!room) {
      this.#shown = null;
      return;
    }
    const isOther = this.#shown !== room.id;
    if (isOther) this.#change(room);
    this.#renderHead(room);
    this.#renderLog(room, isOther);
    this.#renderTyping(room);
  }

  #change(room) {
    if (this.#shown) this.#drafts.set(this.#shown, $("text").value);
    this.#shown = room.id;
    this.#reply(null);
    $("text").value = this.#drafts.get(room.id) ?? "";
    grow($("text"));
    clearTimeout(this.#typingTimer);
    this.#typingSent = null;
  }

  #renderHead(room) {
    setText($("room-name"), room.name);
    const other = room.type === "private_chat" ? room.name : null;
    const presence = other ? this.people.presenceOf(other) : null;
    const key = `${room.name}/${presence?.status}`;
    if ($("room-avatar").dataset.key !== key) {
      $("room-avatar").dataset.key = key;
      $("room-avatar").replaceChildren(avatar(room.name, presence?.status));
    }
    const count = room.members?.length ?? 0;
    const members = room.members ? `${count} ${count === 1 ? "member" : "members"}: ${room.members.join(", ")}` : "";
    setText($("room-about"), other ? presenceText(presence) : members);
    $("add-member").hidden = room.type !== "group_chat" || room.role === "member";
  }

  #renderLog(room, isOther) {
    const scroller = $("scroller");
    const log = $("log");
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    const wasAtEnd = fromEnd - scroller.clientHeight < NEAR_PX;
    const rows = rowsOf(room);
    // Screen readers should announce only new messages at the end.
    const oldest = rows.find((row) => row.message)?.key;
    const isHistory = isOther || oldest !== log.oldest;
    log.oldest = oldest;
    if (isHistory) setAttribute(log, "aria-live", "off");
    if (isOther) {
      log.keyed = new Map();
      log.replaceChildren();
    }
    keyed(log, rows, (row) => row.key, (row) => (row.day ? dayRow(row) : this.#messageRow(room, row)));
    if (isHistory) setTimeout(() => setAttribute(log, "aria-live", "polite"), 500);
    const mine = rows.at(-1)?.message?.state === "pending";
    if (isOther || wasAtEnd || mine) toEnd();
    else if (isHistory) scroller.scrollTop = scroller.scrollHeight - fromEnd;
    $("older").hidden = !room.mayHaveOlder;
    $("older").disabled = room.loadingOlder;
    $("beginning").hidden = room.mayHaveOlder;
    // With so few messages nothing scrolls, so load older ones without a scroll event.
    if (room.mayHaveOlder && scroller.scrollHeight <= scroller.clientHeight + NEAR_PX) this.#older();
  }

  #messageRow(room, row) {
    const isMine = row.message.sender_id === this.rooms.me;
    const quote = h("button", { type: "button", class: "quote", onclick: () => this.#jump(row.message.reply_to_message_id) });
    const text = h("p", { class: "text" });
    const time = h("time", {});
    const state = h("span", { class: "state" });
    const actions = h("div", { class: "actions" });
    const who = h("p", { class: "who" }, row.message.sender_id);
    const bubble = h("div", { class: "bubble" }, who, quote, text, h("p", { class: "meta" }, time, state));
    const face = isMine ? null : h("div", { class: "face" }, avatar(row.message.sender_id));
    const node = h("article", { class: `message ${isMine ? "mine" : "theirs"}`, "data-key": row.key }, face, bubble, actions);
    node.update = ({ message, joined, last }) => {
      row.message = message;
      node.classList.toggle("joined", joined);
      node.classList.toggle("last", last);
      node.classList.toggle("deleted", Boolean(message.is_deleted));
      node.classList.toggle("failed", message.state === "failed");
      setAttribute(node, "data-id", message.message_id || null);
      setText(text, message.is_deleted ? "This message was deleted" : textOf(message.content));
      setText(time, timeOf(message.timestamp));
      setAttribute(time, "datetime", message.timestamp);
      who.hidden = isMine || joined || room.type === "private_chat";
      quote.hidden = !message.reply_to_message_id;
      if (!quote.hidden) setText(quote, quoteOf(room, message.reply_to_message_id));
      if (isMine) this.#renderState(state, room, message);
      this.#renderActions(actions, room, message, isMine);
    };
    return node;
  }

  #renderState(node, room, message) {
    const [name, picture] =
      message.state === "pending" ? ["Sending", "clock"]
      : message.state === "failed" ? [`Not sent: ${message.problem}`, "close"]
      : room.isReadByOthers(message) ? ["Read", "checks"]
      : ["Sent", "check"];
    node.hidden = Boolean(message.is_deleted);
    const readers = [...room.readers].filter(([, id]) => id >= message.message_id).map(([user]) => user);
    const took = message.ms === undefined ? "" : `, acked in ${message.ms} ms`;
    node.title = readers.length > 0 ? `Read by ${readers.join(", ")}` : name + took;
    if (node.dataset.name === name) return;
    node.dataset.name = name;
    node.classList.toggle("read", name === "Read");
    node.replaceChildren(icon(picture), h("span", { class: "sr" }, name));
  }

  #renderActions(node, room, message, isMine) {
    const moderates = room.type === "group_chat" && room.role !== "member";
    const kind = message.is_deleted || message.state === "pending" ? "" : message.state === "failed" ? "failed" : isMine || moderates ? "own" : "other";
    if (node.dataset.kind === kind) return;
    node.dataset.kind = kind;
    const about = `${message.sender_id}: ${textOf(message.content).slice(0, 40)}`;
    const button = (name, picture, onclick) =>
      h("button", { type: "button", class: "tool", title: name, onclick }, icon(picture), h("span", { class: "sr" }, `${name} (${about})`));
    const buttons = {
      "": [],
      failed: [h("button", { type: "button", class: "quiet", onclick: () => this.rooms.deliver(room, message) }, "Try again")],
      other: [button("Reply", "reply", () => this.#reply(message))],
      own: [button("Reply", "reply", () => this.#reply(message)), button("Delete", "trash", () => this.#remove(room, message))],
    };
    node.replaceChildren(...buttons[kind]);
  }

  #renderTyping(room) {
    const who = this.rooms.typists(room);
    const several = who.length > 2 ? `${who.length} people are typing…` : `${who.join(" and ")} are typing…`;
    setText($("typing"), who.length === 0 ? "" : who.length === 1 ? `${who[0]} is typing…` : several);
  }

  #reply(message) {
    this.#replyTo = message;
    $("replying").hidden = !message;
    if (!message) return;
    setText($("replying-text"), `Reply to ${message.sender_id}: ${textOf(message.content).slice(0, 120)}`);
    $("text").focus();
  }

  #send() {
    const room = this.rooms.open;
    const text = $("text").value.trim();
    if (!text || !room) return;
    this.rooms.send(room, text, this.#replyTo?.message_id ?? null);
    $("text").value = "";
    grow($("text"));
    this.#reply(null);
    $("text").focus();
    this.#stopTyping(room.id);
  }

  async #remove(room, message) {
    try {
      await this.rooms.remove(room, message);
      $("text").focus();
    } catch (error) {
      toast(`Not deleted: ${error.message}`, "bad");
    }
  }

  #onInput() {
    grow($("text"));
    const room = this.rooms.open;
    clearTimeout(this.#typingTimer);
    if (!$("text").value) return this.#stopTyping(room.id);
    this.#typingTimer = setTimeout(() => this.#stopTyping(room.id), TYPING_ENDS_MS);
    if (this.#typingSent !== null && performance.now() - this.#typingSent < TYPING_EVERY_MS) return;
    this.#typingSent = performance.now();
    this.tidings.signal("typing_start", { conversation_id: room.id }).catch(() => {});
  }

  #stopTyping(roomId) {
    clearTimeout(this.#typingTimer);
    if (this.#typingSent === null) return;
    this.#typingSent = null;
    this.tidings.signal("typing_stop", { conversation_id: roomId }).catch(() => {});
  }

  async #older() {
    const room = this.rooms.open;
    if (!room) return;
    const hadFocus = document.activeElement === $("older");
    try {
      await this.rooms.loadOlder(room);
    } catch {
      return; // offline: the button is still there
    }
    if (hadFocus) ($("older").hidden ? $("scroller") : $("older")).focus({ preventScroll: true });
  }

  #jump(messageId) {
    const node = $("log").querySelector(`[data-id="${CSS.escape(messageId)}"]`);
    if (!node) return toast("That message is not loaded. Load earlier messages first.");
    node.scrollIntoView({ block: "center" });
    node.classList.add("found");
    setTimeout(() => node.classList.remove("found"), 1_600);
  }
}

/** Rows: messages, and a line before each day's first one; a sender's consecutive messages join. */
function rowsOf(room) {
  const rows = [];
  let day = "";
  let before = null;
  for (const message of room.messages) {
    const today = dayOf(message.timestamp);
    if (today !== day) rows.push({ key: `day ${today}`, day: today });
    const joined = today === day && before?.sender_id === message.sender_id;
    if (joined) rows.at(-1).last = false;
    rows.push({ key: keyOf(message), message, joined, last: true });
    [day, before] = [today, message];
  }
  return rows;
}

/** A message's key, the same before and after its ack. */
function keyOf(message) {
  const { client_message_id: id, message_id: messageId, sender_id: sender } = message;
  return id ? `${sender} ${id}` : messageId;
}

function dayRow(row) {
  return h("p", { class: "day", "data-key": row.key }, row.day);
}

function quoteOf(room, messageId) {
  const found = room.messages.find((each) => each.message_id === messageId);
  if (!found) return "An earlier message";
  if (found.is_deleted) return "A deleted message";
  return `${found.sender_id}: ${textOf(found.content).slice(0, 120)}`;
}

export function presenceText(presence) {
  if (!presence) return "";
  if (presence.status !== "offline") return presence.status === "away" ? "Away" : "Online";
  return presence.last_seen ? `Last seen ${timeOf(presence.last_seen)}` : "Offline";
}

function toEnd() {
  $("scroller").scrollTop = $("scroller").scrollHeight;
}

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight, 160)}px`;
}
