/**
 * The client's state of its conversations: emits each entry once, in order, over all connections.
 *
 * It uses no socket and no clock. A *position* has one entry for each region: `region:seq:id,…`. The
 * client's position moves over entries that it has without a hole. Entries after a hole are shown, but
 * the position stays before the hole, so that the next `sync` fills it.
 */

const SEEN = 5_000;

/**
 * One region's stream: complete up to `seq`; `ahead` has the ids of entries after a hole, by seq.
 * With seq 0 and a `lastId`, a sync has said that nothing was there yet.
 */
class Stream {
  seq = 0;
  lastId = "";
  ahead = new Map();

  have(seq, id) {
    if (seq > this.seq) this.ahead.set(seq, id);
    this.#closeUp();
  }

  complete(seq, id) {
    if (seq > this.seq || !this.lastId) {
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
  #meet;
  #streams = new Map();
  #seen = new Set();
  #recovering = new Map();
  #unnamed = null;

  /**
   * @param {(name: string, data: object) => void} emit Gets each event once. Besides the server's
   *   events there are `snapshot` {conversation_id, messages}: discard what you have, these are now
   *   its newest messages; and `recovered` {conversation_id, recovered, missed, error?} when a
   *   conversation is complete.
   * @param {(message: object) => boolean} [isMine] Whether this device is sending the message: then
   *   a sync returns it, but it does not count as missed.
   * @param {(conversationId: string) => boolean} [meet] A message of a conversation that is not followed:
   *   whether its snapshot will come. Otherwise it is followed from this message on.
   */
  constructor(emit, isMine = () => false, meet = () => false) {
    this.#emit = emit;
    this.#isMine = isMine;
    this.#meet = meet;
  }

  /** Follow the conversation: everything up to this position is known, later entries are needed. */
  follow(conversationId, position) {
    const streams = this.#streamsOf(conversationId);
    for (const [region, seq, id] of parts(position)) stream(streams, region).complete(seq, id);
  }

  /** Follow the conversation from here on, unless it is followed: then entries before may be missing. */
  start(conversationId, position) {
    if (!this.follows(conversationId)) this.follow(conversationId, position);
  }

  /** Stop following this conversation. */
  forget(conversationId) {
    this.#streams.delete(conversationId);
    this.#recovering.delete(conversationId);
  }

  follows(conversationId) {
    return this.#streams.has(conversationId);
  }

  /** Begin a conversation with its snapshot, if it is not known and `meet` fetches it. */
  meet(conversationId) {
    if (this.follows(conversationId) || !this.#meet(conversationId)) return;
    this.follow(conversationId, "");
    this.begin([conversationId]);
  }

  /** An own message was acked: it is known, even if earlier entries are not. */
  sent(ack) {
    this.meet(ack.conversation_id);
    this.have(ack.conversation_id, ack.position);
    this.#isNew("message_received", ack);
  }

  /** The entry at this position is known. */
  have(conversationId, position) {
    if (!this.#streams.has(conversationId)) return this.follow(conversationId, position);
    const streams = this.#streams.get(conversationId);
    for (const [region, seq, id] of parts(position)) stream(streams, region).have(seq, id);
  }

  /** The positions to sync from, by conversation; "" requests a snapshot. */
  positions(of = [...this.#streams.keys()]) {
    const known = of.filter((each) => this.#streams.has(each));
    return Object.fromEntries(known.map((each) => [each, this.#position(each)]));
  }

  /** Conversations with entries after a hole. */
  withHoles() {
    const holed = ([, streams]) => [...streams.values()].some((each) => each.ahead.size > 0);
    return [...this.#streams].filter(holed).map(([conversationId]) => conversationId);
  }

  /** Handle an event from the server. */
  take(name, data) {
    const isHeld = data.position && this.#unnamed && !this.#recovering.has(data.conversation_id);
    if (isHeld) return void this.#unnamed.push([name, data]);
    if (name === "message_received") this.meet(data.conversation_id);
    const recovery = this.#recovering.get(data.conversation_id);
    if (recovery && data.position) recovery.held.push([name, data]);
    else this.#handOn(name, data);
  }

  /** Begin recovery: live entries of these conversations wait for its end. */
  begin(conversations) {
    for (const each of conversations) {
      if (!this.#recovering.has(each)) this.#recovering.set(each, { missed: 0, held: [] });
    }
  }

  /** Begin recovery of all conversations, whose ids are not known yet. */
  beginAll() {
    this.#unnamed ??= [];
  }

  /** All pages of that sync were handled: live entries of other conversations continue. */
  endAll() {
    const held = this.#unnamed ?? [];
    this.#unnamed = null;
    for (const [name, data] of held) this.take(name, data);
  }

  /** Handle a page of a sync's answer; returns the position of the next page, null after the last. */
  page(conversationId, part) {
    this.begin([conversationId]);
    const recovery = this.#recovering.get(conversationId);
    if (part.error) {
      // Any other error may be over by the next connection.
      if (part.error.code === "permission_denied") this.#streams.delete(conversationId);
      this.#end(conversationId, false, part.error);
      return null;
    }
    // The answer had no room left for this conversation: it follows in the next page.
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

  /** The server refuses to send what was missed: continue with live entries. */
  giveUp(error) {
    for (const each of [...this.#recovering.keys()]) this.#end(each, false, error);
    this.endAll();
  }

  /** The connection ended during recovery. Drop held entries: the next sync returns them. */
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

  /** Emit an entry unless it was emitted before; returns whether it was new. */
  #show(name, data) {
    const fresh = this.#isNew(name, data);
    if (fresh) this.#emit(name, data);
    return fresh;
  }

  #isNew(name, data) {
    // After its deletion, a message comes a second time, without its content.
    const key = `${name}:${data.message_id}:${Boolean(data.is_deleted)}`;
    if (this.#seen.has(key)) return false;
    if (name === "message_received" && !data.is_deleted && this.#isGone(data.message_id)) return false;
    this.#seen.add(key);
    if (this.#seen.size > SEEN) this.#seen.delete(this.#seen.values().next().value);
    return true;
  }

  /** Whether its deletion was shown: a push that comes late still has its content. */
  #isGone(messageId) {
    const gone = [`message_received:${messageId}:true`, `message_deleted:${messageId}:false`];
    return gone.some((key) => this.#seen.has(key));
  }

  #streamsOf(conversationId) {
    if (!this.#streams.has(conversationId)) this.#streams.set(conversationId, new Map());
    return this.#streams.get(conversationId);
  }

  #position(conversationId) {
    const known = [...this.#streams.get(conversationId)].filter(([, each]) => each.lastId);
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
