/** Where messages are written: the text, drafts, the message replied to, typing. */

import { $, setText, textOf } from "./dom.js";

const TYPING_EVERY_MS = 3_000;
const TYPING_ENDS_MS = 4_000;

export class Composer {
  #room = null;
  #replyTo = null;
  #typingSent = null;
  #typingTimer = null;

  /** @param {() => void} onEscape Escape was pressed and there was nothing to cancel. */
  constructor(rooms, tidings, kept, onEscape) {
    Object.assign(this, { rooms, tidings, kept });
    $("no-reply").onclick = () => this.reply(null);
    $("composer").onsubmit = (event) => {
      event.preventDefault();
      this.#send();
    };
    $("text").oninput = () => this.#onInput();
    $("text").onkeydown = (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.#send();
      } else if (event.key === "Escape") {
        if (this.#replyTo) this.reply(null);
        else onEscape();
      }
    };
  }

  /** Show this room's draft. */
  show(room) {
    if (this.#room) this.#stopTyping();
    this.#room = room;
    this.reply(null);
    $("text").value = room ? this.kept.draft(room.id) : "";
    grow($("text"));
  }

  reply(message) {
    const hadOne = this.#replyTo !== null;
    this.#replyTo = message;
    $("replying").hidden = !message;
    if (message) setText($("replying-text"), `Reply to ${message.sender_id}: ${textOf(message.content).slice(0, 120)}`);
    if (message || hadOne) $("text").focus();
  }

  #send() {
    const text = $("text").value.trim();
    if (!text || !this.#room) return;
    const replyTo = this.#replyTo?.message_id ?? null;
    $("text").value = "";
    grow($("text"));
    this.kept.keepDraft(this.#room.id, "");
    this.reply(null);
    this.#stopTyping();
    $("text").focus();
    this.rooms.send(this.#room, text, replyTo);
  }

  #onInput() {
    grow($("text"));
    this.kept.keepDraft(this.#room.id, $("text").value);
    clearTimeout(this.#typingTimer);
    if (!$("text").value) return this.#stopTyping();
    this.#typingTimer = setTimeout(() => this.#stopTyping(), TYPING_ENDS_MS);
    if (this.#typingSent !== null && performance.now() - this.#typingSent < TYPING_EVERY_MS) return;
    this.#typingSent = performance.now();
    this.#signal("typing_start");
  }

  #stopTyping() {
    clearTimeout(this.#typingTimer);
    if (this.#typingSent === null) return;
    this.#typingSent = null;
    this.#signal("typing_stop");
  }

  /** Without a connection nobody is told, and nothing is lost by that. */
  #signal(action) {
    this.tidings.signal(action, { conversation_id: this.#room.id }).catch(() => {});
  }
}

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight, 160)}px`;
}
