/** The open conversation: its head, its messages, who is typing, and where one writes. */

import { Composer } from "./composer.js";
import { $, avatar, setText, timeOf, toast } from "./dom.js";
import { Log } from "./log.js";

export class Conversation {
  #shown = null;
  #log;
  #composer;

  constructor(rooms, people, tidings, kept, { onBack, onAddPeople }) {
    Object.assign(this, { rooms, people });
    this.#composer = new Composer(rooms, tidings, kept, onBack);
    const onReply = (message) => this.#composer.reply(message);
    const onRemove = (room, message) => this.#remove(room, message);
    this.#log = new Log(rooms, kept, { onReply, onRemove });
    $("back").onclick = onBack;
    $("add-member").onclick = () => onAddPeople(rooms.open);
  }

  render() {
    const room = this.rooms.open;
    $("room").hidden = !room;
    $("no-room").hidden = this.rooms.openId !== null;
    if (this.#shown !== room) {
      this.#shown = room;
      this.#composer.show(room);
      this.#log.show(room);
    }
    if (!room) return;
    this.#renderHead(room);
    this.#log.render();
    this.#renderTyping(room);
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

  #renderTyping(room) {
    const who = this.rooms.typists(room);
    const several = who.length > 2 ? `${who.length} people are typing…` : `${who.join(" and ")} are typing…`;
    setText($("typing"), who.length === 0 ? "" : who.length === 1 ? `${who[0]} is typing…` : several);
  }

  async #remove(room, message) {
    try {
      await this.rooms.remove(room, message);
      $("text").focus();
    } catch (error) {
      toast(`Not deleted: ${error.message}`, "bad");
    }
  }
}

export function presenceText(presence) {
  if (!presence) return "";
  if (presence.status !== "offline") return presence.status === "away" ? "Away" : "Online";
  return presence.last_seen ? `Last seen ${timeOf(presence.last_seen)}` : "Offline";
}
