// Real processes: started with an environment of their own, waited for, stopped by their id, also when a test fails.

import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const running = new Set<ChildProcess>();
// Whatever ends the run: nothing stays behind.
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Stops are asked for, and forced after so many milliseconds. */
const PATIENCE = 12_000;

/** The environment of this process without settings of anybody's. */
export function environment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("STOCKWIRE__"));
  return { ...Object.fromEntries(own), RUST_LOG_STYLE: "never", ...settings };
}

export class Process {
  /** What it has said on standard output. */
  output = "";
  private readonly ended: Promise<void>;

  constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    log: string,
  ) {
    running.add(child);
    const file = createWriteStream(log, { flags: "a" });
    child.stdout?.on("data", (chunk: Buffer) => {
      this.output += chunk.toString();
      file.write(chunk);
    });
    child.stderr?.on("data", (chunk: Buffer) => file.write(chunk));
    this.ended = new Promise((resolve) => {
      const over = (): void => {
        running.delete(child);
        file.end();
        resolve();
      };
      child.once("exit", over);
      child.once("error", over);
    });
  }

  static start(
    binary: string,
    args: readonly string[],
    folder: string,
    settings: Readonly<Record<string, string>>,
  ): Process {
    const name = binary.split("/").at(-1) ?? binary;
    const child = spawn(binary, args, { cwd: folder, env: environment(settings), stdio: ["ignore", "pipe", "pipe"] });
    return new Process(name, child, join(folder, `${name}.log`));
  }

  get isRunning(): boolean {
    return running.has(this.child);
  }

  /** Kills it as a crash would. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    const force = setTimeout(() => this.child.kill("SIGKILL"), PATIENCE);
    await this.ended;
    clearTimeout(force);
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
