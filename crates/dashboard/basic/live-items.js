// All items, live: what a client of Stockwire has to do, and nothing else.
//
// It asks for a snapshot of the topic `items` and for every change behind it, over a WebSocket, or over Server-Sent Events
// where sockets can't be had. It applies changes by their version, notices by `prev` if one is missing, and after a break
// goes on behind the newest position that it knows.

import { whoAmI } from "./api.js";

const TOPIC = "items";
/** The first and the longest wait before the next try, in milliseconds. */
const [SHORTEST_PAUSE, LONGEST_PAUSE] = [500, 30_000];
/** So many sockets that never opened, and the next try is without one. */
const HOPELESS = 2;

export class LiveItems {
  /** Items by id, as of the newest position that is known. */
  items = new Map();
  /** `connecting`, `catching up`, `live`, `reconnecting` or `signed out`. */
  state = "connecting";

  #tell;
  /** Ids of deleted items, with the version of the deletion: an older change doesn't bring them back. */
  #deleted = new Map();
  /** The log's identity, and the newest position in it that is known: where to go on. Null: nothing is known. */
  #cursor = null;
  /** Gaps up to here are intended. */
  #conflatedUpTo = 0;
  /** The parts of a snapshot that is on its way. */
  #arriving = null;

  #connection = null;
  #silence = 0;
  #heartbeat = 15_000;
  #jitter = 0;
  #pause = SHORTEST_PAUSE;
  #unopened = 0;

  /** `tell` has `reset()`, `changed(frame)`, `state(name)` and `ended(message)`. */
  constructor(tell) {
    this.#tell = tell;
    addEventListener("online", () => { if (this.#connection === null) this.start(); });
  }

  /** Connects, and stays connected until the session ends. */
  start() {
    if (this.#connection !== null || this.state === "signed out") return;
    clearTimeout(this.#silence);
    this.#connection = this.#unopened < HOPELESS ? this.#openSocket() : this.#openStream();
    this.#listen();
  }

  #openSocket() {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`, "stockwire.v1.json");
    this.#unopened += 1;
    socket.onopen = () => {
      this.#unopened = 0;
      this.#subscribe(this.#cursor);
    };
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ code, reason }) => { if (this.#connection === socket) this.#lost(code, reason); };
    return socket;
  }

  /** The same frames with the same cursors. A stream subscribes by its address, so it is opened anew where a socket would ask. */
  #openStream() {
    const query = new URLSearchParams({ topic: TOPIC, snapshot: "true" });
    if (this.#cursor !== null) query.set("after", `${this.#cursor.epoch}:${this.#cursor.position}`);
    const stream = new EventSource(`/events?${query}`);
    this.#enter("catching up");
    stream.onmessage = ({ data }) => this.#take(JSON.parse(data));
    stream.onerror = () => {
      if (this.#connection !== stream) return;
      // Next time there may be a socket.
      this.#unopened = HOPELESS - 1;
      this.#lost(0, "");
    };
    return stream;
  }

  /** Goes on behind a cursor, or with a snapshot if there is none, or if what lies behind it is gone. */
  #subscribe(cursor) {
    this.#arriving = null;
    this.#enter("catching up");
    const after = cursor === null ? {} : { after: cursor };
    this.#connection.send(JSON.stringify({ type: "subscribe", ref: 1, topic: TOPIC, snapshot: true, ...after }));
  }

  /** Something is missing: asks for it. */
  #repair(cursor) {
    this.#cursor = cursor;
    if (this.#connection instanceof WebSocket) {
      this.#connection.send(JSON.stringify({ type: "unsubscribe", topic: TOPIC }));
      return this.#subscribe(cursor);
    }
    this.#connection.close();
    this.#connection = this.#openStream();
    this.#listen();
  }

  #take(frame) {
    this.#listen();
    switch (frame.type) {
      case "connected":
        [this.#heartbeat, this.#jitter] = [frame.heartbeat_ms, frame.reconnect_jitter_ms];
        return;
      case "initial": return this.#takePart(frame);
      case "subscribed": return this.#isLive(frame);
      case "create": case "update": case "delete": return this.#takeChange(frame);
      case "heartbeat": return this.#know(frame.position);
      case "conflated":
        this.#conflatedUpTo = Math.max(this.#conflatedUpTo, frame.position);
        return;
      case "resync": return this.#repair(null);
      case "force_logout": return this.#end(frame.message);
      case "error": return console.warn("Stockwire:", frame.code, frame.detail);
      default: // Frames of later versions are no news to this one.
    }
  }

  #takePart({ data, more, as_of: { epoch, position } }) {
    this.#arriving ??= [];
    this.#arriving.push(...data);
    if (more) return;
    this.items = new Map(this.#arriving.map((item) => [item.id, item]));
    this.#arriving = null;
    this.#deleted.clear();
    this.#conflatedUpTo = 0;
    this.#cursor = { epoch, position };
    this.#tell.reset();
  }

  #isLive({ epoch, position }) {
    if (this.#cursor?.epoch === epoch) this.#know(position);
    else this.#cursor = { epoch, position };
    this.#pause = SHORTEST_PAUSE;
    this.#enter("live");
  }

  #takeChange(frame) {
    // Nothing on the topic lies between `prev` and this change: whoever doesn't know `prev` has missed something.
    if (this.#cursor !== null && frame.prev > Math.max(this.#cursor.position, this.#conflatedUpTo)) {
      return this.#repair(this.#cursor);
    }
    this.#know(frame.position);
    const known = this.items.get(frame.id)?.version ?? this.#deleted.get(frame.id) ?? 0;
    if (frame.version <= known) return;
    if (frame.type === "delete") {
      this.items.delete(frame.id);
      this.#deleted.set(frame.id, frame.version);
    } else {
      this.items.set(frame.id, frame.data);
      this.#deleted.delete(frame.id);
    }
    this.#tell.changed(frame);
  }

  #know(position) {
    if (this.#cursor !== null && position > this.#cursor.position) this.#cursor.position = position;
  }

  /** A connection that is silent for two heartbeats is dead, whatever it looks like. */
  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(0, ""), this.#heartbeat * 2);
  }

  /** The connection has ended: comes back at a time that fits to why. */
  #lost(code, reason) {
    clearTimeout(this.#silence);
    const connection = this.#connection;
    this.#connection = null;
    this.#arriving = null;
    connection?.close();
    if (code === 4003) return this.#end("You are signed out.");
    if (code === 4400) return this.#end(`The service doesn't understand this page: ${reason}`);
    this.#enter("reconnecting");
    // 1012: the hub restarts, and all its clients must not come back at once. 4002: the token has ended, which is the usual
    // case. 4008: too slow, which says nothing about the next connection.
    if (code === 1012) return this.#comeBack(Math.random() * this.#jitter);
    if (code === 4002 || code === 4008) return this.#comeBack(Math.random() * SHORTEST_PAUSE);
    this.#comeBack(this.#pause * (0.5 + Math.random()));
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  #comeBack(wait) {
    setTimeout(async () => {
      if (this.#connection !== null) return;
      try {
        // A browser doesn't say why a socket was refused. This renews the access token, or says that nobody is signed in.
        await whoAmI();
      } catch (problem) {
        if (problem.status === 401) return this.#end(problem.message);
        // A socket that is refused while nothing answers says nothing about sockets.
        this.#unopened = 0;
        return this.#lost(0, "");
      }
      this.start();
    }, wait);
  }

  #end(message) {
    clearTimeout(this.#silence);
    const connection = this.#connection;
    this.#connection = null;
    connection?.close();
    this.#enter("signed out");
    this.#tell.ended(message);
  }

  #enter(state) {
    if (this.state === state || this.state === "signed out") return;
    this.state = state;
    this.#tell.state(state);
  }
}
