/** The demo page: logs in, connects the parts, shows the connection's state. */

import { Api, useRegions } from "./api.js";
import { Conversation } from "./conversation.js";
import { $, avatar, fillIcons, h, setText, toast } from "./dom.js";
import { Kept } from "./kept.js";
import { momentsFeed, notificationsFeed, People } from "./people.js";
import { Places } from "./places.js";
import { Rooms } from "./rooms.js";
import { attempt, Sidebar } from "./sidebar.js";
import { socketOver } from "./socketio.js";
import { Tidings } from "./tidings.js";
import { Wire } from "./wire.js";

// The user ids that the server accepts.
const USER_ID = /^[A-Za-z0-9._:@|+=~-]{1,64}$/;
const LOG_IN_AGAIN = "Your session has ended. Please log in again.";
const NAMING = "Letters, digits and . _ - @ + only, without spaces.";

fillIcons();
prepareTheme();
prepareDialogs();
const user = new URLSearchParams(location.search).get("user") ?? sessionStorage.getItem("user");
if (user && USER_ID.test(user)) start(user);
else logIn();

function logIn() {
  $("login").hidden = false;
  $("login-name").focus();
  $("login-form").onsubmit = (event) => {
    event.preventDefault();
    const name = $("login-name").value.trim();
    if (!USER_ID.test(name)) {
      setText($("login-problem"), name ? NAMING : "Please enter a name.");
      return $("login-name").focus();
    }
    start(name);
  };
}

/** The transport of frames: a WebSocket, or with `?via=` a standard Socket.IO client. */
async function transport() {
  const via = new URLSearchParams(location.search).get("via") ?? "json";
  $("via").value = via;
  $("via").onchange = () => {
    const url = new URL(location.href);
    url.searchParams.set("via", $("via").value);
    location.href = url.href;
  };
  if (via === "json") return {};
  try {
    const { io } = await import("/web/vendor/socket.io.js");
    return { WebSocket: socketOver(io, via === "websocket" ? { transports: ["websocket"] } : {}) };
  } catch {
    $("via").value = "json";
    toast("The Socket.IO client is not installed; run make node. Using JSON instead.");
    return {};
  }
}

async function start(me) {
  // One login per tab: another tab may be another user, or the same user's second device.
  sessionStorage.setItem("user", me);
  $("login").hidden = true;
  $("app").hidden = false;
  document.title = `${me} · Tidings`;
  $("me-avatar").replaceChildren(avatar(me));
  setText($("me-name"), me);
  $("second").href = `/?user=${encodeURIComponent(me)}`;
  $("logout").onclick = () => {
    sessionStorage.clear(); // with what this user was writing
    location.href = "/";
  };

  const api = new Api(me);
  const url = new URL("/ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const getToken = () => api.token();
  const tidings = new Tidings({ url: url.href, getToken, followAll: true, ...(await transport()) });

  // Events often arrive together: render once for all of them.
  let isDue = false;
  const changed = () => {
    if (isDue) return;
    isDue = true;
    queueMicrotask(() => {
      isDue = false;
      render();
    });
  };
  const rooms = new Rooms(me, api, tidings, changed);
  const people = new People(me, api, tidings, changed);
  const moments = momentsFeed(api, tidings, changed);
  const notices = notificationsFeed(api, tidings, changed);

  const show = (id) => {
    const row = document.querySelector('#rooms [aria-current="true"]');
    rooms.show(id);
    document.body.dataset.view = id ? "room" : "list";
    render();
    if (id) $("text").focus();
    else row?.focus();
  };
  const kept = new Kept(me);
  const places = new Places(show);
  const openRoom = (id) => {
    places.enter(id);
    show(id);
  };
  const back = () => {
    places.leave();
    if (!places.room) show(null);
  };
  const onChat = async (other) => openRoom(await rooms.create("private_chat", [other]));
  const askPeople = peopleDialog(people, rooms, openRoom);
  const conversation = new Conversation(rooms, people, tidings, kept, { onBack: back, onAddPeople: askPeople });
  const sidebar = new Sidebar({ rooms, people, moments, notices, api, kept, onRoom: openRoom, onChat });
  new Wire(tidings);
  $("new-group").onclick = () => askPeople(null);

  let shown = null; // the last room that was open
  function render() {
    if (rooms.open) shown = rooms.openId;
    if (rooms.openId && rooms.loaded && !rooms.open) {
      document.body.dataset.view = "list";
      toast(rooms.openId === shown ? "You are no longer a member of this chat." : "You are not a member of this chat.");
      rooms.openId = null;
      places.forget();
    }
    sidebar.render();
    conversation.render();
    const { unread } = rooms;
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${me} · Tidings`;
  }

  showConnection(tidings, rooms);
  followRegions(tidings);
  tidings.on("notification", (item) => toast(`Notification: ${item.content?.title ?? "new"}`));
  tidings.connect().catch(() => {}); // `state` tells why
  show(places.room);
  await attempt(() => Promise.all([rooms.load(), people.load()]), "Some data was not loaded");
}

/** Show the connection's state, such as "Reconnecting…"; screen readers announce it too. */
function showConnection(tidings, rooms) {
  let timer = null;
  let wasLost = false;
  const show = (text, kind, forMs = 0) => {
    clearTimeout(timer);
    setText($("connection"), text);
    $("connection").className = `connection ${kind}`;
    if (forMs) timer = setTimeout(() => show("", ""), forMs);
  };
  tidings.on("state", ({ state, reason }) => {
    document.body.dataset.connection = state;
    $("connection").title = reason?.message ?? "";
    if (state === "offline") show("You are offline. Your messages will be sent when you are back online.", "warn");
    else if (state === "waiting" || (state === "connecting" && wasLost)) show("Reconnecting…", "warn");
    else if (state === "recovering" && wasLost) show("Catching up…", "warn");
    else if (state === "closed") show(reason.code === "unauthorized" ? LOG_IN_AGAIN : `Not connected: ${reason.message}.`, "bad");
    if (state === "offline" || state === "waiting") wasLost = true;
  });
  tidings.on("recovery", ({ conversations, first }) => {
    const missed = conversations.reduce((sum, each) => sum + (rooms.chat(each.conversation_id) ? each.missed : 0), 0);
    if (first) return show("", "");
    const count = missed === 0 ? "nothing was missed" : `recovered ${missed} ${missed === 1 ? "message" : "messages"}`;
    const replaced = conversations.some((each) => !each.recovered && !each.error);
    const text = `Back online: ${count}.`;
    show(replaced ? `${text} Some chats were reloaded.` : text, "good", 6_000);
    wasLost = false;
  });
}

/** Move with the client to another region, show where it is, and let the user choose. */
function followRegions(tidings) {
  let known = [];
  const use = () => {
    useRegions([tidings.url, ...known.filter((url) => url !== tidings.url)]);
    $("regions").value = tidings.url;
  };
  tidings.on("regions", ({ urls, names }) => {
    known = urls;
    $("regions").replaceChildren(...urls.map((url, n) => h("option", { value: url }, names[n] || new URL(url).host)));
    $("regions").hidden = urls.length < 2;
    $("region").hidden = urls.length > 1;
    use();
  });
  $("regions").onchange = () => tidings.moveTo($("regions").value);
  tidings.on("moved", use);
  tidings.on("recovery", () => {
    const show = (region) => setText($("region"), region);
    tidings.call("hello").then(({ region }) => show(region), () => show(""));
  });
}

/** The dialog that creates a group or adds members to one. */
function peopleDialog(people, rooms, openRoom) {
  const dialog = $("people-dialog");
  let room = null;
  $("people-form").onsubmit = async (event) => {
    event.preventDefault();
    const chosen = [...dialog.querySelectorAll("#choices input:checked")].map((box) => box.value);
    const typed = $("more-people").value.split(",").map((name) => name.trim()).filter(Boolean);
    const wanted = [...new Set([...chosen, ...typed])];
    const name = $("group-name").value.trim();
    const bad = wanted.find((each) => !USER_ID.test(each));
    if (!room && !name) return complain("Please name the group.", "group-name");
    if (bad) return complain(`${bad} is not a valid name. ${NAMING}`, "more-people");
    if (room && wanted.length === 0) return complain("Please choose or enter at least one person.", "more-people");
    try {
      if (room) for (const each of wanted) await rooms.addMember(room, each);
      else openRoom(await rooms.create("group_chat", wanted, { name }));
      dialog.close();
    } catch (error) {
      complain(error.message, "more-people");
    }
  };
  const complain = (text, field) => {
    setText($("people-problem"), text);
    $(field).focus();
  };
  return (forRoom) => {
    room = forRoom;
    const isIn = (name) => room?.members?.includes(name) ?? false;
    const friends = people.friends.filter((each) => each.status === "friends" && !isIn(each.user_id));
    setText($("people-dialog-title"), room ? `Add people to ${room.name}` : "New group");
    setText($("people-submit"), room ? "Add" : "Create group");
    setText($("people-problem"), "");
    $("group-name-field").hidden = Boolean(room);
    $("group-name").value = $("more-people").value = "";
    $("friend-choices").hidden = friends.length === 0;
    $("choices").replaceChildren(
      ...friends.map(({ user_id: name }) =>
        h("label", { class: "choice" }, h("input", { type: "checkbox", value: name }), avatar(name), name),
      ),
    );
    dialog.showModal();
    if (!room) $("group-name").focus();
  };
}

/** Native dialogs keep the focus inside and restore it afterwards; Escape closes them. */
function prepareDialogs() {
  for (const button of document.querySelectorAll("[data-close]")) {
    button.onclick = () => button.closest("dialog").close();
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.onclick = (event) => {
      if (event.target === dialog) dialog.close(); // a click outside
    };
  }
}

/** Use the system's colour scheme until the user chooses one. */
function prepareTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const saved = localStorage.getItem("theme");
  if (saved) root.dataset.theme = saved;
  $("theme").onclick = () => {
    const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  };
}
