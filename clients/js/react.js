/** React hooks. The client itself is made outside of the components, and outlives them. */

import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { Room } from "./room.js";

/** The client's state, and why there is no connection; renders again when they change. */
export function useTidings(tidings) {
  const subscribe = useCallback((changed) => tidings.on("state", changed), [tidings]);
  const state = useSyncExternalStore(subscribe, () => tidings.state, () => tidings.state);
  const reason = useSyncExternalStore(subscribe, () => tidings.reason, () => tidings.reason);
  return useMemo(() => ({ state, reason }), [state, reason]);
}

/** A room, joined while a component shows it: its newest messages, what comes, and what is being sent. */
export function useRoom(tidings, roomId, userId) {
  const room = useMemo(() => new Room(tidings, roomId, userId), [tidings, roomId, userId]);
  useEffect(() => room.open(), [room]);
  return useSyncExternalStore(room.subscribe, room.now, room.now);
}
