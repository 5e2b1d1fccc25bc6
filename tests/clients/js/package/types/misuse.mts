// What tsc must refuse: a line that it accepts is an error itself.
import { ActionError, TIMES, Tidings } from "@tidings/client";
import { useRoom } from "@tidings/client/react";

// @ts-expect-error: no token
new Tidings({ url: "wss://host/ws" });
// @ts-expect-error: a token that is not a promise
const tidings = new Tidings({ url: "wss://host/ws", getToken: () => "t" });
// @ts-expect-error: a misspelt option
new Tidings({ url: "wss://host/ws", getToken: async () => "t", folowAll: true });
// @ts-expect-error: no such timeout
new Tidings({ url: "wss://host/ws", getToken: async () => "t", times: { retries: 5 } });
// @ts-expect-error: no such event
tidings.on("mesage_received", () => {});
// @ts-expect-error: no such field
tidings.on("message_received", (message) => message.text);
// @ts-expect-error: the state is read only
tidings.state = "online";
// @ts-expect-error: no such state
if (tidings.state === "connected") tidings.close();
// @ts-expect-error: the reason may be null
tidings.reason.message;
// @ts-expect-error: content that is no JSON
tidings.send("lobby", () => "Hello");
// @ts-expect-error: content that is no JSON
tidings.send("lobby", undefined);
// @ts-expect-error: a misspelt option
tidings.send("lobby", "Hello", { client_message_id: "c1" });
// @ts-expect-error: one conversation is no list
tidings.sync("lobby");
// @ts-expect-error: no such code
new ActionError("queueFull", "x", false);
// @ts-expect-error: constants
TIMES.call = 1;
// @ts-expect-error: whose client it is
useRoom(tidings, "lobby");
