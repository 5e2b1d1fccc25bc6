/**
 * The messages of the open room, and what of them is on the screen.
 *
 * A room opens where its unread messages begin, or where the user left it. A message counts as read
 * once its end was on the screen, in a tab that is in the foreground.
 */

import { $, h, keyed, setAttribute, setText, toast } from "./dom.js";
import { messageRow } from "./message.js";
import { LINE, rowsOf } from "./rows.js";

const NEAR_PX = 120;
const MOST_PAGES = 5; // of older messages, to find the place

export class Log {
  #room = null;
  #rows = [];
  #lineAfter = null; // the line is above the first message of others after this one
  #hadUnread = false;
  #wasReloaded = true; // the first room is that of before the reload
  #isPlaced = false;
  #pages = 0;
  #here = null;
  #on;

  constructor(rooms, kept, { onReply, onRemove }) {
    Object.assign(this, { rooms, kept });
    const retry = (message) => rooms.deliver(this.#room, message);
    const remove = (message) => onRemove(this.#room, message);
    this.#on = { reply: onReply, remove, retry, jump: (id) => this.#jump(id) };
    $("older").onclick = () => this.#older();
    $("newer").onclick = () => this.#newer();
    $("scroller").onscroll = () => {
      if ($("scroller").scrollTop < NEAR_PX && this.#isPlaced) this.#older();
      this.#look();
    };
    document.addEventListener("visibilitychange", () => this.#look());
    addEventListener("pagehide", () => this.#keepPlace());
    // A phone's keyboard or a growing composer must not hide the newest messages.
    let height = 0;
    new ResizeObserver(() => {
      const scroller = $("scroller");
      const wasAtEnd = scroller.scrollHeight - scroller.scrollTop - height < NEAR_PX;
      height = scroller.clientHeight;
      if (wasAtEnd && this.#isPlaced) toEnd();
      this.#look();
    }).observe($("scroller"));
  }

  /** The open room is another one, or null. */
  show(room) {
    if (this.#room) {
      this.#keepPlace();
      this.#wasReloaded = false;
    }
    this.#room = room;
    this.#rows = [];
    this.#lineAfter = this.#here = null;
    this.#isPlaced = this.#hadUnread = false;
    this.#pages = 0;
    $("log").keyed = new Map();
    $("log").replaceChildren();
  }

  render() {
    const room = this.#room;
    const scroller = $("scroller");
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    const wasAtEnd = isAtEnd();
    if (room.messages.at(-1)?.state === "pending") this.#lineAfter = null;
    else if (!this.#isPlaced && hasNew(room)) this.#lineAfter = room.mark;
    const isHistory = this.#renderRows();
    const mine = this.#rows.at(-1)?.message?.state === "pending";
    if (!this.#isPlaced) this.#place();
    else if (wasAtEnd || mine) this.#follow();
    else if (isHistory) scroller.scrollTop = scroller.scrollHeight - fromEnd;
    $("older").hidden = !room.mayHaveOlder;
    $("older").disabled = room.loadingOlder;
    $("beginning").hidden = room.mayHaveOlder;
    // With so few messages nothing scrolls, so load older ones without a scroll event.
    if (room.mayHaveOlder && scroller.scrollHeight <= scroller.clientHeight + NEAR_PX) this.#older();
    this.#look();
  }

  /** Returns whether older messages came in. */
  #renderRows() {
    const log = $("log");
    const oldest = this.#rows.find((row) => row.message)?.key;
    this.#rows = rowsOf(this.#room, this.#lineAfter);
    const isHistory = oldest !== this.#rows.find((row) => row.message)?.key;
    // Screen readers should announce only new messages at the end.
    if (isHistory) setAttribute(log, "aria-live", "off");
    keyed(log, this.#rows, (row) => row.key, (row) => this.#row(row));
    if (isHistory) setTimeout(() => setAttribute(log, "aria-live", "polite"), 500);
    return isHistory;
  }

  #row(row) {
    if (row.key === LINE) return h("p", { class: "new", role: "separator", "aria-label": "New messages" }, "New");
    if (row.day) return h("p", { class: "day" }, row.day);
    return messageRow(this.#room, row, this.#on);
  }

  /** Scroll to where the room opens; older messages are loaded if that is among them. */
  #place() {
    const room = this.#room;
    if (!this.rooms.loaded || room.messages.length === 0) return;
    const kept = this.kept.place(room.id);
    const place = kept && (this.#wasReloaded || room.unread === 0) ? kept : null;
    const key = place?.key ?? (this.#lineAfter === null ? null : LINE);
    const node = $("log").keyed.get(key);
    if (key && !node && room.mayHaveOlder && this.#pages < MOST_PAGES) {
      if (!room.loadingOlder) {
        this.#pages += 1;
        this.#older();
      }
      return;
    }
    toEnd();
    if (node) $("scroller").scrollTop += topOf(node) - (place?.offset ?? 16);
    this.#isPlaced = true;
  }

  /** To the newest messages; in the background no further than the first that is new. */
  #follow() {
    toEnd();
    const line = $("log").keyed.get(LINE);
    if (document.visibilityState !== "visible" && line && topOf(line) < 0) $("scroller").scrollTop += topOf(line) - 16;
  }

  /** What is on the screen now: it is read, and it is the place to return to. */
  #look() {
    const room = this.#room;
    if (!room || !this.#isPlaced || $("scroller").clientHeight === 0) return;
    this.#measure();
    if (document.visibilityState === "visible") this.#markSeen(room);
    const begins = room.unread > 0 && !this.#hadUnread;
    this.#hadUnread = room.unread > 0;
    if (begins) {
      const wasAtEnd = isAtEnd();
      this.#lineAfter = room.mark;
      this.#renderRows();
      if (wasAtEnd) this.#follow();
    }
    this.#renderPill();
  }

  #markSeen(room) {
    const edge = $("scroller").clientHeight + 1;
    const isSeen = ({ message }) => message?.message_id && message.sender_id !== room.me;
    const seen = this.#rows.findLast((row) => isSeen(row) && bottomOf($("log").keyed.get(row.key)) <= edge);
    if (seen) this.rooms.markSeen(room, seen.message.message_id);
  }

  #renderPill() {
    const { unread } = this.#room;
    $("newer").hidden = isAtEnd();
    $("newer").classList.toggle("some", unread > 0);
    setText($("newer-text"), unread === 0 ? "Latest messages" : `${unread} new ${unread === 1 ? "message" : "messages"}`);
  }

  /** To where new messages begin, if that is further down; otherwise to the end. */
  #newer() {
    const scroller = $("scroller");
    const line = $("log").keyed.get(LINE);
    const isBelow = line && topOf(line) > scroller.clientHeight;
    toEnd();
    if (isBelow && topOf(line) < 0) scroller.scrollTop += topOf(line) - 16;
    scroller.focus({ preventScroll: true });
    this.#look();
  }

  #measure() {
    const top = this.#rows.find((row) => row.message && bottomOf($("log").keyed.get(row.key)) > 0);
    this.#here = top && !isAtEnd() ? { key: top.key, offset: topOf($("log").keyed.get(top.key)) } : null;
  }

  #keepPlace() {
    if (!this.#room || !this.#isPlaced) return;
    // The event of the last scroll may not have come yet; a phone's list hides the messages.
    if ($("scroller").clientHeight > 0) this.#measure();
    this.kept.keepPlace(this.#room.id, this.#here);
  }

  async #older() {
    const hadFocus = document.activeElement === $("older");
    try {
      await this.rooms.loadOlder(this.#room);
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

/** Whether there is a new message of others among those loaded: the server's count may be too high. */
const hasNew = (room) => room.messages.some((each) => each.message_id > room.mark && each.sender_id !== room.me);

/** In pixels below the top of what is visible of the messages. */
const topOf = (node) => node.getBoundingClientRect().top - $("scroller").getBoundingClientRect().top;
const bottomOf = (node) => node.getBoundingClientRect().bottom - $("scroller").getBoundingClientRect().top;

function isAtEnd() {
  const { scrollHeight, scrollTop, clientHeight } = $("scroller");
  return scrollHeight - scrollTop - clientHeight < NEAR_PX;
}

function toEnd() {
  $("scroller").scrollTop = $("scroller").scrollHeight;
}
