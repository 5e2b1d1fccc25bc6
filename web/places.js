/** The open room as the page's address, so that Back, Forward and a reload keep it. */

const ROOM = /^#\/rooms\/(.+)$/;

export class Places {
  /** @param {(room: string | null) => void} onMove The user went back or forward. */
  constructor(onMove) {
    addEventListener("popstate", () => onMove(this.room));
  }

  /** The room that the address names, or null for the list. */
  get room() {
    const [, id] = location.hash.match(ROOM) ?? [];
    try {
      return id ? decodeURIComponent(id) : null;
    } catch {
      return null; // not an address that this page wrote
    }
  }

  /** A room was opened. */
  enter(room) {
    if (room === this.room) return;
    const state = { overList: this.room === null };
    history.pushState(state, "", `${location.search}#/rooms/${encodeURIComponent(room)}`);
  }

  /** The user returns to the list; `onMove` follows if that is a step back. */
  leave() {
    if (history.state?.overList) history.back();
    else this.forget();
  }

  /** The room in the address is gone. */
  forget() {
    history.replaceState(null, "", location.pathname + location.search);
  }
}
