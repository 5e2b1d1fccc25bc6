/** What a tab keeps over a reload, by user and room: drafts, and places in rooms. */

export class Kept {
  #user;

  constructor(user) {
    this.#user = user;
  }

  draft = (room) => this.#get("draft", room) ?? "";
  keepDraft = (room, text) => this.#set("draft", room, text || null);

  /** The message at the top of the screen, and how far below the top it begins; null at the end. */
  place = (room) => this.#get("place", room);
  keepPlace = (room, place) => this.#set("place", room, place);

  #get(kind, room) {
    return JSON.parse(sessionStorage.getItem(this.#key(kind, room)));
  }

  #set(kind, room, value) {
    if (value === null) sessionStorage.removeItem(this.#key(kind, room));
    else sessionStorage.setItem(this.#key(kind, room), JSON.stringify(value));
  }

  #key(kind, room) {
    return `${kind} ${this.#user} ${room}`;
  }
}
