/**
 * The page's state of the user's rooms with their messages, receipts and typing, without any elements.
 *
 * A message that is being sent is shown in its room at once, without a message_id. Its ack, or the
 * message itself when a sync returns it, replaces it by client_message_id.
 */

import { newId } from "./tidings.js";

const TYPING_LASTS_MS = 8_000;
const LISTED = ["private_chat", "group_chat"];

class Room {
  type = null; // null: not yet loaded
  name = "";
  role = "member";
  createdAt = "";
  members = null;
  messages = []; // in the room's order; those being sent are at the end
  mayHaveOlder = true;
  loadingOlder = false;
  counted = 0; // the server's unread count
  myMark = ""; // the newest message this user has read, on any device
  seen = ""; // the newest message seen on this page; the server may not know yet
  readers = new Map(); // other user → the newest message read
  readUpTo = ""; // the newest message that another user has read
  typing = new Map(); // user → timer

  constructor(id, me) {
    this.id = id;
    this.me = me;
  }

  get newest() {
    return this.messages.findLast((each) => each.message_id) ?? null;
  }

  get latestAt() {
    return this.messages.at(-1)?.timestamp ?? this.createdAt;
  }

  /** The newest message this user has read, as far as this page knows. */
  get mark() {
    return this.seen > this.myMark ? this.seen : this.myMark;
  }

  /**
   * Unread messages, counted from those loaded: the server's count may or may not include a message
   * that has just arrived. The server's count is better only if the mark is before the loaded ones.
   */
  get unread() {
    const { mark } = this;
    const isNew = (each) => each.message_id > mark && each.sender_id !== this.me && !each.is_deleted;
    const ours = this.messages.filter(isNew).length;
    const oldest = this.messages.find((each) => each.message_id)?.message_id ?? "";
    const isComplete = !this.mayHaveOlder || (mark && oldest <= mark);
    return isComplete ? ours : Math.max(ours, this.counted);
  }

  isReadByOthers(message) {
    return Boolean(message.is_read) || message.message_id <= this.readUpTo;
  }

  /** Put a message in its place; returns whether it was new. */
  put(message) {
    const mine = (each) => each.client_message_id && each.client_message_id === message.client_message_id;
    const at = this.messages.findIndex(
      (each) => each.message_id === message.message_id || (mine(each) && each.sender_id === message.sender_id),
    );
    if (at >= 0) {
      Object.assign(this.messages[at], message, { state: undefined });
    } else {
      this.messages.push(message);
    }
    this.messages.sort(byPlace);
    return at < 0;
  }
}

/** Sort by message id, the room's order; messages without one come last, in the order written. */
function byPlace(a, b) {
  if (a.message_id && b.message_id) return a.message_id < b.message_id ? -1 : 1;
  if (!a.message_id && !b.message_id) return a.written - b.written;
  return a.message_id ? -1 : 1;
}

export class Rooms {
  #rooms = new Map();
  #reloading = null;
  #joined = null; // the open room, once it is joined

  /**
   * @param {string} me
   * @param {Api} api
   * @param {Tidings} tidings
   * @param {() => void} changed Called after each change.
   */
  constructor(me, api, tidings, changed) {
    this.me = me;
    this.api = api;
    this.tidings = tidings;
    this.changed = changed;
    this.openId = null;
    this.loaded = false;
    this.canRead = true; // false if the server does not support receipts
    tidings.on("snapshot", (data) => this.#onSnapshot(data));
    tidings.on("message_received", (message) => this.#onMessage(message));
    tidings.on("message_deleted", (data) => this.#onDeleted(data));
    tidings.on("message_read", (data) => this.#onRead(data));
    tidings.on("typing", (data) => this.#onTyping(data));
    tidings.on("room_updated", (data) => this.#onRoomUpdated(data));
    tidings.on("recovery", ({ first }) => {
      if (!first) this.load();
      this.changed(); // what was seen meanwhile is told now
    });
  }

  /** The rooms in the list, the latest first. */
  get listed() {
    const shown = [...this.#rooms.values()].filter((room) => LISTED.includes(room.type));
    return shown.sort((a, b) => (a.latestAt < b.latestAt ? 1 : -1));
  }

  get open() {
    return this.chat(this.openId);
  }

  /** A room in the list, or null. */
  chat(id) {
    const room = this.#rooms.get(id);
    return LISTED.includes(room?.type) ? room : null;
  }

  get unread() {
    return this.listed.reduce((sum, room) => sum + room.unread, 0);
  }

  /** Load the rooms from the server; one load at a time, a second one waits for the first. */
  load() {
    this.#reloading = (this.#reloading ?? Promise.resolve()).then(() => this.#load()).catch(() => {});
    return this.#reloading;
  }

  async #load() {
    const { rooms } = await this.api.rooms();
    const ids = new Set(rooms.map((each) => each.room_id));
    for (const id of this.#rooms.keys()) if (!ids.has(id)) this.#drop(id);
    const news = [];
    for (const each of rooms) {
      const room = this.#room(each.room_id);
      const isNew = room.type === null;
      room.type = each.room_type;
      room.role = each.role;
      room.createdAt = each.created_at;
      room.name = each.metadata?.name || room.name || (room.type === "group_chat" ? "Group" : "…");
      if (each.unread !== undefined && room.id !== this.openId) room.counted = each.unread;
      if (each.last_read_message_id) this.#mark(room, each.last_read_message_id);
      if (isNew && !this.tidings.follows(room.id)) news.push(room.id);
      if (room.type === "private_chat" && !room.members) this.loadMembers(room);
    }
    this.loaded = true;
    if (this.open && this.#joined !== this.openId) this.show(this.openId);
    this.changed();
    // A room that is new since the first sync begins with its snapshot.
    for (const id of news) this.tidings.follow(id, "");
    if (news.length > 0 && this.tidings.state === "online") await this.tidings.sync(news);
  }

  async loadMembers(room) {
    try {
      const { participants } = await this.api.room(room.id);
      room.members = participants.map((each) => each.user_id);
    } catch {
      return; // the next load asks again
    }
    const others = room.members.filter((user) => user !== this.me);
    if (room.type === "private_chat" && others.length === 1) room.name = others[0];
    this.changed();
  }

  /** Open a room on this device; one that is not loaded yet is opened when it is. */
  show(id) {
    this.openId = id;
    const room = this.open;
    this.#joined = room ? id : null;
    if (room) {
      this.loadMembers(room);
      this.tidings.join(id).catch(() => {});
    }
    this.changed();
  }

  async create(type, participants, metadata) {
    const made = await this.api.createRoom(type, participants, metadata);
    await this.load();
    return made.room_id;
  }

  async addMember(room, user) {
    await this.api.addMember(room.id, user);
    await this.loadMembers(room);
  }

  /** Load a page of older history. */
  async loadOlder(room) {
    if (room.loadingOlder || !room.mayHaveOlder) return;
    room.loadingOlder = true;
    this.changed();
    try {
      const before = room.messages.find((each) => each.message_id)?.message_id;
      const { messages, more } = await this.api.messages(room.id, before);
      for (const each of messages) room.put(each);
      room.mayHaveOlder = more;
    } finally {
      room.loadingOlder = false;
      this.changed();
    }
  }

  /** Send a message, which is shown at once. */
  send(room, text, replyTo = null) {
    const message = {
      message_id: "",
      client_message_id: newId(),
      conversation_id: room.id,
      sender_id: this.me,
      message_type: "text",
      content: text,
      reply_to_message_id: replyTo,
      timestamp: new Date().toISOString(),
      written: performance.now(),
    };
    room.messages.push(message);
    return this.deliver(room, message);
  }

  /** Send it, or retry it after a failure, with the same id so that it is stored only once. */
  async deliver(room, message) {
    message.state = "pending";
    this.changed();
    const started = performance.now();
    try {
      const ack = await this.tidings.send(room.id, message.content, {
        clientMessageId: message.client_message_id,
        replyTo: message.reply_to_message_id,
      });
      const { message_id, timestamp, position } = ack;
      const ms = Math.round(performance.now() - started);
      room.put({ ...message, message_id, timestamp, position, ms });
    } catch (error) {
      message.state = "failed";
      message.problem = error.message;
    }
    this.changed();
  }

  async remove(room, message) {
    const { message_id } = message;
    await this.tidings.call("delete_message", { conversation_id: room.id, message_id });
    this.#onDeleted({ conversation_id: room.id, message_id });
  }

  /** The user has seen this message and those before it: tell so, once. */
  async markSeen(room, messageId) {
    if (messageId > room.seen) {
      room.seen = messageId;
      room.counted = 0;
      this.changed();
    }
    if (!this.canRead || messageId <= room.myMark || this.tidings.state !== "online") return;
    const before = room.myMark;
    room.myMark = messageId;
    const data = { conversation_id: room.id, message_id: messageId };
    try {
      await this.tidings.signal("message_read", data);
    } catch (error) {
      room.myMark = before; // sent again on the next connection
      if (error.code === "unknown_action") this.canRead = false;
    }
  }

  typists(room) {
    return [...room.typing.keys()];
  }

  #room(id) {
    if (!this.#rooms.has(id)) this.#rooms.set(id, new Room(id, this.me));
    return this.#rooms.get(id);
  }

  #drop(id) {
    this.#rooms.delete(id);
    this.tidings.forget(id);
  }

  #mark(room, messageId) {
    if (messageId > room.myMark) room.myMark = messageId;
  }

  #onSnapshot({ conversation_id: id, messages }) {
    const room = this.#room(id);
    const end = messages.at(-1)?.message_id ?? "";
    // Messages beyond its end are being sent, or were acked while the snapshot was read.
    const kept = room.messages.filter((each) => !each.message_id || each.message_id > end);
    room.messages = [];
    for (const each of [...messages, ...kept]) room.put(each);
    room.mayHaveOlder = messages.length > 0;
    this.changed();
  }

  #onMessage(message) {
    const room = this.#room(message.conversation_id);
    room.put(message);
    this.#stopTyping(room, message.sender_id);
    if (room.type === null && this.loaded) this.load();
    this.changed();
  }

  #onDeleted({ conversation_id: id, message_id: messageId }) {
    const found = this.#room(id).messages.find((each) => each.message_id === messageId);
    if (found) Object.assign(found, { is_deleted: true, content: null });
    this.changed();
  }

  #onRead({ conversation_id: id, reader_id: reader, message_id: messageId }) {
    const room = this.#room(id);
    if (reader === this.me) {
      this.#mark(room, messageId);
      room.counted = 0; // it was counted from the old mark
    } else {
      if (messageId > room.readUpTo) room.readUpTo = messageId;
      if (reader && messageId > (room.readers.get(reader) ?? "")) room.readers.set(reader, messageId);
    }
    this.changed();
  }

  #onTyping({ conversation_id: id, user_id: user, is_typing: isTyping }) {
    if (user === this.me) return;
    const room = this.#room(id);
    this.#stopTyping(room, user);
    if (isTyping) {
      const end = () => {
        room.typing.delete(user);
        this.changed();
      };
      room.typing.set(user, setTimeout(end, TYPING_LASTS_MS));
    }
    this.changed();
  }

  #stopTyping(room, user) {
    clearTimeout(room.typing.get(user));
    room.typing.delete(user);
  }

  #onRoomUpdated({ room_id: id, change, user_id: user }) {
    if (change === "member_removed" && user === this.me) this.#drop(id);
    else if (this.#rooms.get(id)?.members) this.loadMembers(this.#room(id));
    this.changed();
    this.load();
  }
}
