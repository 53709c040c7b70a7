// The way between browsers and services, as a gateway in production is: live traffic to the hub, all else to the API. It can
// be slow, refuse a kind of connection, cut those there are, and be gone.

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Transform } from "node:stream";
import { BuiltPage } from "./built-page";

export interface Faults {
  /** Paths that aren't let through. */
  refuse: ReadonlySet<string>;
  /** How long everything takes, each way, in milliseconds. */
  latency: number;
  /** How much gets through to each connection in a second, at most. */
  bytesPerSecond: number;
  /** Nobody is let in. */
  away: boolean;
}

const LIVE = new Set(["/ws", "/events", "/poll"]);
export const NO_FAULTS: Faults = { refuse: new Set(), latency: 0, bytesPerSecond: Infinity, away: false };

export class Gateway {
  faults: Faults = NO_FAULTS;
  /** Where the services are. */
  api = 0;
  hub = 0;
  private readonly server = createServer((asked, answer) => this.pass(asked, answer));
  private readonly page = BuiltPage.named();
  private readonly sockets = new Set<Duplex>();

  async start(): Promise<void> {
    this.server.on("connection", (socket) => {
      if (this.faults.away) {
        socket.destroy();
        return;
      }
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
      socket.on("error", () => socket.destroy());
    });
    this.server.on("upgrade", (asked, socket, head) => this.upgrade(asked, socket, head));
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  get port(): number {
    const address = this.server.address();
    return address === null || typeof address === "string" ? 0 : address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends every connection there is, without a word. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private target(asked: IncomingMessage): { port: number; isRefused: boolean } {
    const path = (asked.url ?? "/").split("?")[0] ?? "/";
    return { port: LIVE.has(path) ? this.hub : this.api, isRefused: this.faults.refuse.has(path) };
  }

  private pass(asked: IncomingMessage, answer: ServerResponse): void {
    const { port, isRefused } = this.target(asked);
    if (isRefused) {
      answer.writeHead(403).end();
      return;
    }
    const { method, url: path, headers } = asked;
    const onward = request({ host: "127.0.0.1", port, method, path, headers }, (answered) => {
      const instead = this.page?.answer((path ?? "/").split("?")[0] ?? "/", answered.headers);
      if (instead !== undefined) {
        answered.resume();
        answer.writeHead(200, instead.headers).end(instead.content);
        return;
      }
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answer.flushHeaders();
      answered.on("error", () => answer.destroy());
      answered.pipe(this.slow()).pipe(answer);
    });
    onward.on("error", () => {
      if (answer.headersSent) answer.destroy();
      else answer.writeHead(502).end();
    });
    answer.on("close", () => onward.destroy());
    asked.pipe(this.slow()).pipe(onward);
  }

  private upgrade(asked: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { port, isRefused } = this.target(asked);
    if (isRefused) {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    const onward: Socket = connect(port, "127.0.0.1", () => {
      const headers = asked.rawHeaders.map((text, place) => (place % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
      onward.write(`GET ${asked.url ?? "/"} HTTP/1.1\r\n${headers}\r\n`);
      onward.write(head);
      onward.pipe(this.slow()).pipe(socket);
      socket.pipe(this.slow()).pipe(onward);
    });
    const end = (): void => {
      onward.destroy();
      socket.destroy();
    };
    for (const side of [onward, socket]) side.on("error", end).on("close", end);
  }

  /** Lets bytes through as slowly as the network is, in their order. */
  private slow(): Transform {
    let free = 0;
    return new Transform({
      transform: (chunk: Buffer, _, done) => {
        const { latency, bytesPerSecond } = this.faults;
        if (latency === 0 && bytesPerSecond === Infinity) {
          done(null, chunk);
          return;
        }
        const now = Date.now();
        free = Math.max(free, now + latency) + (chunk.length / bytesPerSecond) * 1000;
        setTimeout(() => done(null, chunk), free - now);
      },
    });
  }
}
