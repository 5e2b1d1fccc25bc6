// The same package, from CommonJS.
import client = require("@tidings/client");
import react = require("@tidings/client/react");

const tidings: client.Tidings = new client.Tidings({ url: "wss://host/ws", getToken: async () => "t" });
console.log(tidings.state, react.useRoom.length);
