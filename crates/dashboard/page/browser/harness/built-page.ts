// A page that was built just now, shown in the place of the one in the binary, under the same policy: for work on the page,
// where the binary needn't be built again each time. `STOCKWIRE_PAGE` names its folder, such as `dist`.

import { existsSync, readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { extname, join } from "node:path";

const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};
/** Headers that are of one content. */
const OF_CONTENT = new Set(["content-encoding", "content-length", "content-type", "etag", "transfer-encoding", "vary"]);
/** Pages of the service's own. */
const OTHERS = /^\/(sign-in|docs|basic|api)(\/|$)/;

export class BuiltPage {
  private constructor(private readonly folder: string) {}

  static named(): BuiltPage | undefined {
    const folder = process.env.STOCKWIRE_PAGE;
    return folder === undefined || folder === "" ? undefined : new BuiltPage(folder);
  }

  /** What to answer instead: a file of its own, or its document wherever the binary has one. */
  answer(path: string, headers: IncomingHttpHeaders): { headers: IncomingHttpHeaders; content: Buffer } | undefined {
    if (OTHERS.test(path)) return undefined;
    const isFile = extname(path) !== "" && existsSync(join(this.folder, path));
    const isView = headers["content-type"]?.startsWith("text/html") === true;
    if (!isFile && !isView) return undefined;
    const name = isFile ? path : "index.html";
    const kept = Object.entries(headers).filter(([header]) => !OF_CONTENT.has(header));
    const type = TYPES[extname(name)] ?? "application/octet-stream";
    return {
      headers: { ...Object.fromEntries(kept), "content-type": type },
      content: readFileSync(join(this.folder, name)),
    };
  }
}
