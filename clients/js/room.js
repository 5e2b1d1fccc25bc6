/** What a component shows of a room. Without React. */

import { newId } from "./system.js";

const visitors = new WeakMap(); // by client, by room: how many components show it

export class Room {
  #tidings;
  #roomId;
  #userId;
  #changed = new Set(); // who is told
  #stored = new Map(); // by message_id
  #outgoing = new Map(); // by client_message_id
  #isLoading = false;
  #isOpen = false;
  #isLoaded = false;
  #error = null;
  #now;

  constructor(tidings, roomId, userId) {
    this.#tidings = tidings;
    this.#roomId = roomId;
    this.#userId = userId;
    this.#change();
  }

  subscribe = (changed) => {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  };

  /** The same object until something changes. */
  now = () => this.#now;

  /** Join the room and load its newest messages; returns what ends that. */
  open() {
    const mine = (work) => (data) => data.conversation_id === this.#roomId && this.#change(() => work(data));
    const offs = [
      this.#tidings.on("message_received", mine((message) => this.#put(message))),
      this.#tidings.on("message_deleted", mine((deletion) => this.#delete(deletion))),
      this.#tidings.on("snapshot", mine(({ messages }) => this.#replace(messages))),
      this.#tidings.on("state", () => this.#load()),
    ];
    this.#isOpen = true;
    this.#visit();
    this.#load();
    return () => {
      this.#isOpen = false;
      for (const off of offs) off();
      this.#leave();
    };
  }

  send = async (content, options = {}) => {
    const id = options.clientMessageId ?? newId();
    const draft = this.#draft(content, options, id);
    this.#change(() => this.#outgoing.set(id, { ...draft, status: "sending", error: null }));
    try {
      const { message_id, timestamp, position } = await this.#tidings.send(this.#roomId, content, {
        ...options,
        clientMessageId: id,
      });
      this.#change(() => this.#put({ ...draft, message_id, timestamp, position }));
    } catch (error) {
      this.#change(() => this.#outgoing.set(id, { ...draft, status: "failed", error }));
    }
  };

  #draft(content, { type = "text", replyTo = null }, id) {
    return {
      message_id: null,
      conversation_id: this.#roomId,
      sender_id: this.#userId,
      message_type: type,
      content,
      reply_to_message_id: replyTo,
      timestamp: new Date().toISOString(),
      is_read: false,
      is_deleted: false,
      client_message_id: id,
    };
  }

  /** Once, whenever there is a connection; from then on the client recovers what is missed. */
  async #load() {
    if (this.#isLoaded || this.#isLoading || !this.#isOpen || this.#tidings.state !== "online") return;
    this.#isLoading = true;
    try {
      const answer = await this.#tidings.call("sync", { positions: { [this.#roomId]: "" } });
      const { messages, error } = answer.conversations[this.#roomId];
      this.#change(() => {
        for (const each of messages) this.#put(each);
        this.#isLoaded = !error;
        this.#error = error ?? null;
      });
    } catch (error) {
      this.#change(() => (this.#error = error));
    } finally {
      this.#isLoading = false;
    }
  }

  #put(message) {
    this.#outgoing.delete(message.client_message_id);
    if (!this.#stored.get(message.message_id)?.is_deleted) this.#stored.set(message.message_id, message);
  }

  #delete({ message_id: id }) {
    const known = this.#stored.get(id);
    if (known) this.#stored.set(id, { ...known, content: null, is_deleted: true });
  }

  #replace(messages) {
    this.#stored.clear();
    for (const each of messages) this.#put(each);
    this.#isLoaded = true;
    this.#error = null;
  }

  /** Apply a change, and tell it. */
  #change(work) {
    work?.();
    const stored = [...this.#stored.values()].sort((a, b) => (a.message_id < b.message_id ? -1 : 1));
    const sent = stored.map((message) => ({ ...message, status: "sent", error: null }));
    this.#now = {
      messages: [...sent, ...this.#outgoing.values()],
      send: this.send,
      isLoaded: this.#isLoaded,
      error: this.#error,
    };
    for (const changed of this.#changed) changed();
  }

  /** A room is joined once for all components that show it, and left with the last of them. */
  #visit() {
    const counts = this.#counts();
    const others = counts.get(this.#roomId) ?? 0;
    counts.set(this.#roomId, others + 1);
    if (others === 0) this.#tidings.join(this.#roomId).catch((error) => this.#change(() => (this.#error = error)));
  }

  #leave() {
    // React may mount the component again in this very turn.
    queueMicrotask(() => {
      const counts = this.#counts();
      const others = counts.get(this.#roomId) - 1;
      counts.set(this.#roomId, others);
      // A room that is not left now is left with the connection.
      if (others === 0) this.#tidings.leave(this.#roomId).catch(() => {});
    });
  }

  #counts() {
    if (!visitors.has(this.#tidings)) visitors.set(this.#tidings, new Map());
    return visitors.get(this.#tidings);
  }
}
