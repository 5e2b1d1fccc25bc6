/** One message as it is shown: the text, what it replies to, its state, its buttons. */

import { avatar, h, icon, setAttribute, setText, textOf, timeOf } from "./dom.js";

/**
 * An element for a row of `rows.js`; its `update` takes the row as it is now.
 *
 * @param {object} on What buttons do: `reply(message)`, `remove(message)`, `retry(message)`, `jump(id)`.
 */
export function messageRow(room, row, on) {
  const isMine = row.message.sender_id === room.me;
  const quote = h("button", { type: "button", class: "quote", dir: "auto", onclick: () => on.jump(row.message.reply_to_message_id) });
  const text = h("p", { class: "text", dir: "auto" });
  const time = h("time", {});
  const state = h("span", { class: "state" });
  const actions = h("div", { class: "actions" });
  const who = h("p", { class: "who", dir: "auto" }, row.message.sender_id);
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
    if (isMine) showState(state, room, message);
    showActions(actions, room, message, isMine, on);
  };
  return node;
}

function showState(node, room, message) {
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

function showActions(node, room, message, isMine, on) {
  const moderates = room.type === "group_chat" && room.role !== "member";
  const kind = message.is_deleted || message.state === "pending" ? "" : message.state === "failed" ? "failed" : isMine || moderates ? "own" : "other";
  if (node.dataset.kind === kind) return;
  node.dataset.kind = kind;
  const about = `${message.sender_id}: ${textOf(message.content).slice(0, 40)}`;
  const button = (name, picture, act) =>
    h("button", { type: "button", class: "tool", title: name, onclick: () => act(message) }, icon(picture), h("span", { class: "sr" }, `${name} (${about})`));
  const buttons = {
    "": [],
    failed: [h("button", { type: "button", class: "quiet", onclick: () => on.retry(message) }, "Try again")],
    other: [button("Reply", "reply", on.reply)],
    own: [button("Reply", "reply", on.reply), button("Delete", "trash", on.remove)],
  };
  node.replaceChildren(...buttons[kind]);
}

function quoteOf(room, messageId) {
  const found = room.messages.find((each) => each.message_id === messageId);
  if (!found) return "An earlier message";
  if (found.is_deleted) return "A deleted message";
  return `${found.sender_id}: ${textOf(found.content).slice(0, 120)}`;
}
