import { describe, expect, it } from "vitest";
import { type Transcript, transcripts } from "../testing/golden";
import { ModelHub, type Thing } from "../testing/hub";
import { Random } from "../testing/random";
import type { Document, ServerFrame } from "./frames";
import { disconnected, emptyTopic, MOST_DELETED, reduce, type Telling, type TopicState } from "./reducer";

function rows<D extends Document>(state: TopicState<D>): ReadonlyMap<number, D> {
  return new Map([...state.rows.values()].map((row) => [row.id, row] as const).sort(([one], [other]) => one - other));
}

function sorted<D>(map: ReadonlyMap<number, D>): ReadonlyMap<number, D> {
  return new Map([...map].sort(([one], [other]) => one - other));
}

/** Applies frames as a client does: `connected` begins a new connection. */
function replay(
  frames: readonly ServerFrame[],
  topic: string,
  cut: (frames: Telling<Document>[]) => Telling<Document>[][],
) {
  let state = emptyTopic();
  let batch: Telling<Document>[] = [];
  const flush = (): void => {
    for (const piece of cut(batch)) state = reduce(state, piece).state;
    batch = [];
  };
  for (const frame of frames) {
    if (frame.type === "connected") {
      flush();
      state = disconnected(state);
    } else if (frame.type === "heartbeat" || frame.type === "pong" || ("topic" in frame && frame.topic === topic)) {
      batch.push(frame);
    }
  }
  flush();
  return state;
}

describe("the golden transcripts", () => {
  const all = transcripts();

  it("are there", () => expect(all.length).toBeGreaterThan(5));

  it.each(all.map((transcript): [string, Transcript] => [transcript.name, transcript]))("%s", (_, transcript) => {
    const { frames, topic, expect: expected } = transcript;
    const wanted = new Map(Object.entries(expected.state).map(([id, document]) => [Number(id), document]));
    const check = (state: TopicState<Document>): void => {
      expect(rows(state)).toEqual(sorted(wanted));
      expect(state.rows.size).toBe(wanted.size);
      expect(state.known).toEqual({ epoch: expected.epoch, position: expected.position });
      expect(state.freshness).toBe("live");
      expect(state.anew).toBeUndefined();
    };
    check(replay(frames, topic, (batch) => [batch]));
    check(replay(frames, topic, (batch) => batch.map((frame) => [frame])));
    for (let seed = 1; seed <= 50; seed++) check(replay(frames, topic, (batch) => new Random(seed).cut(batch, 5)));
  });
});

/** Whatever is shown as live is what there is. */
function isHonest(state: TopicState<Thing>, hub: ModelHub): void {
  if (state.freshness !== "live" || state.known === undefined) return;
  expect(rows(state)).toEqual(sorted(hub.at(state.known.position)));
}

describe("reduce, against a model of the hub", () => {
  it("is right whenever it says that it is live, through resumes, snapshots, replays and heartbeats", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed);
      const hub = new ModelHub(random);
      let state = emptyTopic<Thing>();
      const feed = (frames: readonly Telling<Thing>[]): void => {
        for (const piece of random.cut(frames, 7)) {
          state = reduce(state, piece).state;
          isHonest(state, hub);
        }
      };
      for (let connection = 0; connection < 6; connection++) {
        for (let count = random.whole(0, 20); count > 0; count--) hub.write();
        const answer = hub.answer(state.known, random.chance(0.6));
        const breaks = random.chance(0.3);
        feed(breaks ? answer.slice(0, random.whole(0, answer.length)) : answer);
        for (let count = breaks ? 0 : random.whole(0, 20); count > 0; count--) {
          const from = hub.head;
          hub.write();
          feed(hub.behind(from));
          if (random.chance(0.2)) feed(hub.behind(hub.head - random.whole(0, 10)));
          if (random.chance(0.2)) feed([{ type: "heartbeat", position: hub.head }]);
          expect(state.anew).toBeUndefined();
        }
        state = disconnected(state);
        expect(state.freshness).not.toBe("live");
      }
      feed(hub.answer(state.known, true));
      expect(state.freshness).toBe("live");
      expect(rows(state)).toEqual(sorted(hub.at(hub.head)));
    }
  });

  it("notices a change that never came, and what follows doesn't hide it", () => {
    let noticed = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed);
      const hub = new ModelHub(random);
      for (let count = 0; count < 30; count++) hub.write();
      let state = reduce(emptyTopic<Thing>(), hub.answer(undefined, false)).state;
      const from = hub.head;
      for (let count = 0; count < 20; count++) hub.write();
      const changes = hub.behind(from);
      const lost = random.whole(0, changes.length - 2);
      for (const piece of random.cut(
        changes.filter((_, place) => place !== lost),
        4,
      )) {
        state = reduce(state, piece).state;
        isHonest(state, hub);
      }
      expect(state.anew).toBe("missing");
      expect(state.freshness).toBe("stale");
      // The connection still lives: neither heartbeats nor a late `subscribed` make it fresh.
      state = reduce(state, [{ type: "heartbeat", position: hub.head }, hub.subscribed(true)]).state;
      expect(state.freshness).toBe("stale");
      expect(state.known?.position).toBeLessThan(changes[lost]?.position ?? 0);
      const healed = random.chance(0.5)
        ? reduce(state, hub.answer(undefined, false)).state
        : reduce(disconnected(state), hub.answer(state.known, true)).state;
      expect(rows(healed)).toEqual(sorted(hub.at(hub.head)));
      expect(healed.freshness).toBe("live");
      noticed += 1;
    }
    expect(noticed).toBe(300);
  });

  it("takes what was left out on purpose for no loss, and may be cut off in between", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const hub = new ModelHub(random);
      for (let count = 0; count < 20; count++) hub.write();
      let state = reduce(emptyTopic<Thing>(), hub.answer(undefined, false)).state;
      for (let count = 0; count < 40; count++) hub.write();
      const frames = hub.conflated(state.known?.position ?? 0);
      const end = random.chance(0.5) ? frames.length : random.whole(0, frames.length);
      for (const piece of random.cut(frames.slice(0, end), 5)) state = reduce(state, piece).state;
      expect(state.anew).toBeUndefined();
      if (end < frames.length) state = reduce(disconnected(state), hub.answer(state.known, true)).state;
      expect(rows(state)).toEqual(sorted(hub.at(hub.head)));
    }
  });

  it("tells only news, and all of it", () => {
    const random = new Random(9);
    const hub = new ModelHub(random);
    let state = reduce(emptyTopic<Thing>(), hub.answer(undefined, false)).state;
    const told: number[] = [];
    for (let count = 0; count < 200; count++) {
      hub.write();
      const reduced = reduce(state, hub.behind(Math.max(0, hub.head - 5)));
      state = reduced.state;
      told.push(...reduced.applied.map((change) => change.position));
    }
    expect(told).toEqual(hub.changes.map((change) => change.position));
  });
});

describe("reduce", () => {
  const thing = (id: number, version: number): Thing => ({ id, version, value: 1 });
  const epoch = "00000000000000000000000000000001";
  const part = (position: number, data: readonly Thing[], more: boolean, of = epoch): Telling<Thing> => ({
    type: "initial",
    topic: "items",
    as_of: { epoch: of, position },
    data,
    more,
  });
  const subscribed = (position: number, recovered: boolean, of = epoch): Telling<Thing> => ({
    type: "subscribed",
    topic: "items",
    recovered,
    position,
    epoch: of,
  });
  const resync = (reason: "gap" | "epoch" | "too_old"): Telling<Thing> => ({
    type: "resync",
    topic: "items",
    reason,
    position: 9,
    epoch,
  });
  const live = reduce(emptyTopic<Thing>(), [part(5, [thing(1, 1)], false), subscribed(5, false)]).state;

  it("shows no half of a snapshot", () => {
    const half = reduce(emptyTopic<Thing>(), [part(5, [thing(1, 1)], true)]).state;
    expect(half.rows.size).toBe(0);
    expect(half.freshness).toBe("empty");
  });

  it("forgets a snapshot that was given up for a newer one", () => {
    const frames = [part(5, [thing(1, 1), thing(2, 1)], true), part(8, [thing(2, 1)], true), part(8, [], false)];
    const { state } = reduce(emptyTopic<Thing>(), [...frames, subscribed(8, false)]);
    expect([...rows(state).keys()]).toEqual([2]);
  });

  it("isn't live by a `subscribed` that nothing came before", () => {
    const { state } = reduce(emptyTopic<Thing>(), [subscribed(5, false)]);
    expect(state).toMatchObject({ freshness: "empty", anew: "missing" });
    expect(reduce(disconnected(live), [subscribed(9, false)]).state).toMatchObject({
      freshness: "stale",
      anew: "missing",
    });
  });

  it("isn't made live by what was under way when the hub said to read anew", () => {
    const { state } = reduce(live, [resync("gap"), subscribed(9, true), subscribed(9, false)]);
    expect(state).toMatchObject({ freshness: "stale", anew: "gap" });
    expect(reduce(emptyTopic<Thing>(), [resync("gap"), subscribed(9, false)]).state.freshness).toBe("empty");
  });

  it("takes a heartbeat of the log before for none of the new one", () => {
    const other = "00000000000000000000000000000002";
    const beat: Telling<Thing> = { type: "heartbeat", position: 1000 };
    const { state } = reduce(live, [beat, resync("epoch"), part(3, [], false, other), subscribed(3, false, other)]);
    expect(state.known).toEqual({ epoch: other, position: 3 });
  });

  it("resumes, after a gap and a new connection, from before the gap", () => {
    const gap = reduce(live, [
      {
        type: "update",
        topic: "items",
        resource: "item",
        id: 1,
        position: 9,
        prev: 8,
        version: 4,
        at: "",
        actor: "",
        reason: null,
        data: thing(1, 4),
        previous: null,
      },
    ]).state;
    expect(gap.anew).toBe("missing");
    expect(disconnected(gap)).toMatchObject({ anew: undefined, known: { epoch, position: 5 } });
  });
});

it("remembers the versions of the newest deletions only, however long it lasts", () => {
  const place = {
    topic: "items",
    resource: "item",
    at: "2026-11-22T08:00:00Z",
    actor: "user:7",
    reason: null,
  } as const;
  const epoch = "00000000000000000000000000000001";
  const first: Telling<Document>[] = [
    { type: "initial", topic: "items", as_of: { epoch, position: 0 }, data: [], more: false },
    { type: "subscribed", topic: "items", recovered: false, position: 0, epoch },
  ];
  let { state } = reduce(emptyTopic(), first);
  let position = 0;
  const change = (type: "create" | "delete", id: number): Telling<Document> => {
    position += 1;
    const version = type === "create" ? 1 : 2;
    const data = type === "create" ? { id, version } : null;
    return { type, ...place, id, version, position, prev: position - 1, data, previous: null };
  };
  const most = MOST_DELETED + 500;
  for (let id = 1; id <= most; id++) state = reduce(state, [change("create", id), change("delete", id)]).state;
  expect(state.freshness).toBe("live");
  expect(state.rows.size).toBe(0);
  expect(state.deleted.size).toBe(MOST_DELETED);
  expect(state.deleted.get(most)).toBe(2);
  expect(state.deleted.has(1)).toBe(false);
});
