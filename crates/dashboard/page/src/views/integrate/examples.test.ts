import { describe, expect, it } from "vitest";
import { changeExample, eventsExample, pollExample, readExample, socketExample } from "./examples";

const place = { origin: "https://stock.example", item: 7, needsKey: true };
const all = [readExample, changeExample, eventsExample, pollExample, socketExample];

describe("examples", () => {
  it("name the service that they are shown by, and no other", () => {
    for (const example of all) {
      expect(example(place)).toContain("://stock.example/");
      expect(example(place)).not.toContain("localhost");
    }
  });

  it("show a key only where one is needed", () => {
    for (const example of all) {
      expect(example(place)).toContain("STOCKWIRE_KEY");
      expect(example({ ...place, needsKey: false })).not.toContain("STOCKWIRE_KEY");
    }
  });

  it("go by TLS where the page came by TLS", () => {
    expect(socketExample(place)).toContain('"wss://stock.example/ws"');
    expect(socketExample({ ...place, origin: "http://10.0.0.7:8080" })).toContain('"ws://10.0.0.7:8080/ws"');
  });

  it("change an item that there is", () => {
    expect(changeExample(place)).toContain("/api/v1/items/7/adjustments'");
  });
});
