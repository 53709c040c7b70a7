// Builds the page: one document, hashed files under assets/, each with a brotli and a gzip copy where that is smaller.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const COMPRESSED = /\.(css|html|js|json|svg|txt|webmanifest)$/;

/** Compresses once, as hard as possible, what would otherwise be compressed for each visitor. */
function precompress(folder: string): Plugin {
  return {
    name: "precompress",
    apply: "build",
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !COMPRESSED.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const plain = await readFile(path);
        const brotli = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
        const gzip = gzipSync(plain, { level: 9 });
        if (brotli.length < plain.length) await writeFile(`${path}.br`, brotli);
        if (gzip.length < plain.length) await writeFile(`${path}.gz`, gzip);
      }
    },
  };
}

const folder = process.env.STOCKWIRE_PAGE_OUT ?? "dist";

const target = process.env.STOCKWIRE_URL ?? "http://127.0.0.1:8080";
const service = {
  "^/(api|docs|sign-in|events|poll)(/|\\?|$)": { target },
  "/ws": { target: target.replace(/^http/, "ws"), ws: true },
};

export default defineConfig({
  plugins: [precompress(folder)],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: folder,
    emptyOutDir: true,
    target: "es2022",
    // Everything is a file of its own: the Content-Security-Policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Files of a release keep their names as long as their content stays the same.
    rolldownOptions: { output: { hashCharacters: "hex" } },
  },
  // For work on the page, beside a service that runs: `page/run dev`. Not part of any build.
  server: { proxy: service },
  preview: { proxy: service },
  test: { environment: "node", testTimeout: 60_000, hookTimeout: 180_000, reporters: ["dot"] },
} as Parameters<typeof defineConfig>[0]);
