// Takes what a chart shows out of the page: as a picture, or as a table for other programs.

import Papa from "papaparse";

export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // Some browsers read it only after the click was dealt with.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Rows under their titles, with the mark by which spreadsheets know UTF-8. */
export function csv(titles: readonly string[], rows: readonly (readonly (string | number | null)[])[]): Blob {
  const text = Papa.unparse({ fields: [...titles], data: rows.map((row) => [...row]) }, { escapeFormulae: true });
  return new Blob(["\uFEFF", text, "\r\n"], { type: "text/csv;charset=utf-8" });
}

/** What is drawn, on the page's ground, with a title above it. */
export async function png(
  drawn: HTMLCanvasElement,
  title: string,
  colours: { ground: string; text: string },
): Promise<Blob> {
  const scale = devicePixelRatio;
  const head = 36 * scale;
  const canvas = document.createElement("canvas");
  canvas.width = drawn.width;
  canvas.height = drawn.height + head;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no canvas");
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = colours.text;
  context.font = `600 ${15 * scale}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.fillText(title, 12 * scale, head / 2, canvas.width - 24 * scale);
  context.drawImage(drawn, 0, head);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error("no picture")) : resolve(blob)), "image/png");
  });
}

/** A name that any file system takes. */
export function fileName(...parts: readonly string[]): string {
  return parts.map((part) => part.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "")).join("-");
}
