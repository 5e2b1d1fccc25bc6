/** A room's messages as rows, without any elements: days, the line above what is new, groups of messages. */

import { dayOf } from "./dom.js";

export const LINE = "new";

/**
 * A line begins each day, and one stands above the first message of others after `lineAfter`.
 * Consecutive messages of a sender join.
 */
export function rowsOf(room, lineAfter) {
  const rows = [];
  let day = "";
  let before = null;
  let hasLine = lineAfter === null;
  for (const message of room.messages) {
    const today = dayOf(message.timestamp);
    const beginsNew = !hasLine && message.message_id > lineAfter && message.sender_id !== room.me;
    if (today !== day) rows.push({ key: `day ${today}`, day: today });
    if (beginsNew) {
      hasLine = true;
      // Above the first message that is loaded, earlier ones may be new, too.
      if (before || !room.mayHaveOlder) rows.push({ key: LINE });
    }
    const joined = today === day && !beginsNew && before?.sender_id === message.sender_id;
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
