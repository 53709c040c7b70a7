import { describe, expect, it } from "vitest";
import { serverFrames } from "../testing/golden";
import { isChange, isTopicFrame, parseFrame } from "./frames";

const CHANGES = ["create", "update", "delete", "notification"];
const OF_TOPICS = [...CHANGES, "subscribed", "initial", "conflated", "resync"];

describe("parseFrame", () => {
  it("reads every frame of the protocol's examples, and knows what it is", () => {
    const examples = serverFrames();
    expect(examples.length).toBeGreaterThan(10);
    for (const { name, frame: said } of examples) {
      const frame = parseFrame(JSON.stringify(said));
      if (frame === undefined) throw new Error(`${name} is passed over`);
      expect(frame).toEqual(said);
      expect(isTopicFrame(frame), name).toBe(OF_TOPICS.includes(frame.type));
      if (isTopicFrame(frame)) expect(isChange(frame), name).toBe(CHANGES.includes(frame.type));
    }
  });

  it("passes over what a later hub may say", () => {
    expect(parseFrame('{"type":"weather","sunny":true}')).toBeUndefined();
    expect(parseFrame('{"type":7}')).toBeUndefined();
  });

  it("refuses what is no frame", () => {
    for (const text of ["", "{", "null", "7", '"update"', "{}", "[]"]) expect(() => parseFrame(text), text).toThrow();
  });
});
