// For tests: the protocol's examples, the same files that the tests of the services read. `page/run` puts them beside the
// page's copy.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Document, ServerFrame } from "../protocol/frames";

const FOLDER = join(process.cwd(), "../golden");

export interface Transcript {
  readonly name: string;
  readonly topic: string;
  readonly frames: readonly ServerFrame[];
  readonly expect: { readonly state: Record<string, Document>; readonly position: number; readonly epoch: string };
}

function read(path: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, path), "utf8"));
}

export function transcripts(): Transcript[] {
  const names = readdirSync(join(FOLDER, "transcripts")).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => read(`transcripts/${name}`) as Transcript);
}

/** Every kind of frame that a hub sends. */
export function serverFrames(): { readonly name: string; readonly frame: Record<string, unknown> }[] {
  return (read("frames.json") as { server: { name: string; frame: Record<string, unknown> }[] }).server;
}
