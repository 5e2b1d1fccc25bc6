/** The HTTP API, and the local stack's own routes under /dev. */

export class HttpError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class Api {
  #user;
  #token = null; // a promise, which concurrent requests share

  constructor(user) {
    this.#user = user;
  }

  /** A new token; in a real product it comes from your own login. */
  token() {
    const fresh = devToken(this.#user);
    this.#token = fresh;
    fresh.catch(() => {
      if (this.#token === fresh) this.#token = null;
    });
    return fresh;
  }

  rooms = () => this.#all("/v1/rooms", "rooms");
  room = (id) => this.#ask("GET", `/v1/rooms/${encodeURIComponent(id)}`);
  addMember = (id, user) =>
    this.#ask("POST", `/v1/rooms/${encodeURIComponent(id)}/members`, { user_id: user });
  createRoom = (type, participants, metadata = {}) =>
    this.#ask("POST", "/v1/rooms", { room_type: type, participants, metadata });
  messages = (id, before) =>
    this.#ask("GET", `/v1/rooms/${encodeURIComponent(id)}/messages?${query({ before, limit: 40 })}`);

  friends = () => this.#all("/v1/friends", "friends");
  putFriend = (user) => this.#ask("PUT", `/v1/friends/${encodeURIComponent(user)}`);
  removeFriend = (user) => this.#ask("DELETE", `/v1/friends/${encodeURIComponent(user)}`);

  moments = (before) => this.#ask("GET", `/v1/moments?${query({ before, limit: 20 })}`);
  postMoment = (text, id) =>
    this.#ask("POST", "/v1/moments", { content: { text }, client_message_id: id });

  notifications = (before) => this.#ask("GET", `/v1/notifications?${query({ before, limit: 20 })}`);

  /** Send this user a notification, as a back end with the role `service` would. */
  async notifyMe(content) {
    const token = await devToken("demo-service", ["service"]);
    const body = { user_id: this.#user, content };
    return this.#ask("POST", "/v1/notifications", body, token);
  }

  /** A list, all of whose pages are read. */
  async #all(path, name) {
    const found = [];
    for (let after; ; ) {
      const page = await this.#ask("GET", `${path}?${query({ after, limit: 100 })}`);
      found.push(...page[name]);
      if (page.next === null) return { [name]: found };
      after = page.next;
    }
  }

  async #ask(method, path, body, token) {
    token ??= await (this.#token ?? this.token());
    const answer = await request(method, path, body, token);
    if (answer.status !== 401) return read(answer);
    return read(await request(method, path, body, await this.token()));
  }
}

/** Where the HTTP API is: the region that the client is in, then those it could go to. */
let bases = [""];

/** Use the HTTP APIs of these WebSocket URLs' hosts from now on, the first one before the others. */
export function useRegions(urls) {
  bases = urls.map((url) => new URL(url).origin.replace(/^ws/, "http"));
}

/** The local stack's counters. */
export const stats = async () => read(await request("GET", "/dev/stats"));

async function devToken(user_id, roles = []) {
  for (const base of bases) {
    // A token of one region holds in all, and this one may be away.
    const answer = await request("POST", "/dev/token", { user_id, roles }, null, base).catch(() => null);
    if (answer) return (await read(answer)).token;
  }
  throw new HttpError(0, "unavailable", "No region answers.");
}

function request(method, path, body, token, base = bases[0]) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return fetch(base + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

async function read(answer) {
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const { code = "internal", message = `HTTP ${answer.status}` } = body.error ?? {};
  throw new HttpError(answer.status, code, message);
}

function query(fields) {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return new URLSearchParams(known).toString();
}
