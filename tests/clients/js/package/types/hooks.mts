// The hooks in a component.
import { createElement, type ReactElement } from "react";
import type { Tidings } from "@tidings/client";
import { useRoom, useTidings, type RoomMessage } from "@tidings/client/react";

export function Room({ tidings, me }: { tidings: Tidings; me: string }): ReactElement {
  const { state, reason } = useTidings(tidings);
  const { messages, send, isLoaded, error } = useRoom(tidings, "lobby", me);
  const line = (message: RoomMessage) =>
    createElement("li", { key: message.message_id ?? message.client_message_id }, message.status, message.error?.code);
  const onClick = () => void send("Hello", { type: "text" });
  return createElement("ul", { onClick }, state, reason?.message, isLoaded, error?.code, messages.map(line));
}
