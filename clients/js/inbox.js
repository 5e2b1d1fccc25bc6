/**
 * What a client has of its conversations: each entry once, in order, over any connection.
 *
 * No socket and no clock in here. A *position* is one entry a region, `region:seq:id,…`; ours
 * moves over entries we have without a hole. What lies beyond a hole is shown, but the position
 * stays before it, so that the next `sync` fills it.
 */

const SEEN = 5_000;

/** One region's part: complete up to `seq`; `ahead` are entries beyond a hole, ids by seq. */
class Stream {
  seq = 0;
  lastId = "";
  ahead = new Map();

  have(seq, id) {
    if (seq > this.seq) this.ahead.set(seq, id);
    this.#closeUp();
  }

  complete(seq, id) {
    if (seq > this.seq) {
      this.seq = seq;
      this.lastId = id;
    }
    this.#closeUp();
  }

  #closeUp() {
    while (this.ahead.has(this.seq + 1)) {
      this.seq += 1;
      this.lastId = this.ahead.get(this.seq);
    }
    for (const seq of this.ahead.keys()) if (seq <= this.seq) this.ahead.delete(seq);
  }
}

export class Inbox {
  #emit;
  #isMine;
  #streams = new Map();
  #seen = new Set();
  #recovering = new Map();
  #unnamed = null;

  /**
   * @param {(name: string, data: object) => void} emit Gets each event once. Beside the server's
   *   there are `snapshot` {conversation_id, messages}: what you have of it is void, this is its
   *   end now; and `recovered` {conversation_id, recovered, missed, error?} when one is complete.
   * @param {(message: object) => boolean} [isMine] Whether this device is sending it just now:
   *   then it comes back, but was not missed.
   */
  constructor(emit, isMine = () => false) {
    this.#emit = emit;
    this.#isMine = isMine;
  }

  /** All up to this position is known: what comes after is wanted. */
  follow(conversationId, position) {
    const streams = this.#streamsOf(conversationId);
    for (const [region, seq, id] of parts(position)) stream(streams, region).complete(seq, id);
  }

  /** Nothing of this conversation is wanted any more. */
  forget(conversationId) {
    this.#streams.delete(conversationId);
    this.#recovering.delete(conversationId);
  }

  follows(conversationId) {
    return this.#streams.has(conversationId);
  }

  /** An own message was acked: it is known, whatever lies before it. */
  sent(ack) {
    this.have(ack.conversation_id, ack.position);
    this.#isNew("message_received", ack);
  }

  /** The entry at this position is known. */
  have(conversationId, position) {
    if (!this.#streams.has(conversationId)) return this.follow(conversationId, position);
    const streams = this.#streams.get(conversationId);
    for (const [region, seq, id] of parts(position)) stream(streams, region).have(seq, id);
  }

  /** What to sync from, by conversation; "" asks for a snapshot. */
  positions(of = [...this.#streams.keys()]) {
    const known = of.filter((each) => this.#streams.has(each));
    return Object.fromEntries(known.map((each) => [each, this.#position(each)]));
  }

  /** Conversations in which something beyond the position is known. */
  withHoles() {
    const holed = ([, streams]) => [...streams.values()].some((each) => each.ahead.size > 0);
    return [...this.#streams].filter(holed).map(([conversationId]) => conversationId);
  }

  /** An event as it came from the server. */
  take(name, data) {
    const recovery = this.#recovering.get(data.conversation_id);
    if (recovery && data.position) recovery.held.push([name, data]);
    else if (this.#unnamed && data.position) this.#unnamed.push([name, data]);
    else this.#handOn(name, data);
  }

  /** Recovery begins: live entries of these conversations wait for its end. */
  begin(conversations) {
    for (const each of conversations) {
      if (!this.#recovering.has(each)) this.#recovering.set(each, { missed: 0, held: [] });
    }
  }

  /** The same when we cannot name them yet: a sync of all conversations was asked for. */
  beginAll() {
    this.#unnamed ??= [];
  }

  /** Its answer was taken page by page: what is live of other conversations goes on. */
  endAll() {
    const held = this.#unnamed ?? [];
    this.#unnamed = null;
    for (const [name, data] of held) this.take(name, data);
  }

  /** A page of a sync's answer; the position to go on from, null when that was all. */
  page(conversationId, part) {
    this.begin([conversationId]);
    const recovery = this.#recovering.get(conversationId);
    if (part.error) {
      this.#streams.delete(conversationId);
      this.#end(conversationId, false, part.error);
      return null;
    }
    // The server had no room left in this answer: nothing is said about the conversation yet.
    const postponed = part.more && part.messages.length === 0;
    if (part.recovered || postponed) {
      for (const each of part.messages) {
        if (this.#show("message_received", each) && !this.#isMine(each)) recovery.missed += 1;
      }
    } else {
      this.#streams.set(conversationId, new Map());
      recovery.missed += part.messages.filter((each) => this.#isNew("message_received", each)).length;
      this.#emit("snapshot", { conversation_id: conversationId, messages: part.messages });
    }
    this.follow(conversationId, part.position);
    if (part.more) return this.#position(conversationId);
    this.#end(conversationId, part.recovered);
    return null;
  }

  /** The server will not say what was missed: go on with what is live. */
  giveUp(error) {
    for (const each of [...this.#recovering.keys()]) this.#end(each, false, error);
    this.endAll();
  }

  /** The connection ended first. Held entries are left out: the next sync brings them. */
  interrupt() {
    this.#recovering.clear();
    this.#unnamed = null;
  }

  #end(conversationId, recovered, error) {
    const { missed, held } = this.#recovering.get(conversationId);
    this.#recovering.delete(conversationId);
    const report = { conversation_id: conversationId, recovered, missed };
    this.#emit("recovered", error ? { ...report, error } : report);
    for (const [name, data] of held) this.#handOn(name, data);
  }

  #handOn(name, data) {
    if (!data.position) return this.#emit(name, data);
    this.have(data.conversation_id, data.position);
    this.#show(name, data);
  }

  /** Emit an entry unless it was; whether it was new. */
  #show(name, data) {
    const fresh = this.#isNew(name, data);
    if (fresh) this.#emit(name, data);
    return fresh;
  }

  #isNew(name, data) {
    // A deleted message comes a second time: as itself, without its content.
    const key = `${name}:${data.message_id}:${Boolean(data.is_deleted)}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    if (this.#seen.size > SEEN) this.#seen.delete(this.#seen.values().next().value);
    return true;
  }

  #streamsOf(conversationId) {
    if (!this.#streams.has(conversationId)) this.#streams.set(conversationId, new Map());
    return this.#streams.get(conversationId);
  }

  #position(conversationId) {
    const known = [...this.#streams.get(conversationId)].filter(([, each]) => each.seq > 0);
    return known
      .map(([region, each]) => `${region}:${each.seq}:${each.lastId}`)
      .sort()
      .join(",");
  }
}

function stream(streams, region) {
  if (!streams.has(region)) streams.set(region, new Stream());
  return streams.get(region);
}

function parts(position) {
  const texts = position.split(",").filter(Boolean);
  return texts.map((text) => text.split(":")).map(([region, seq, id]) => [region, Number(seq), id]);
}
