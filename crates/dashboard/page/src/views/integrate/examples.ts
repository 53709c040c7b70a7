// What an integrator pastes to begin with. The examples name this service, and an item that there is.

/** How a program shows its key. Where nobody needs one, nothing is shown. */
const KEY = '-H "Authorization: Bearer $STOCKWIRE_KEY" ';

export interface Place {
  /** Where the service is, such as `https://stock.example`. */
  readonly origin: string;
  /** An item that there is. */
  readonly item: number;
  readonly needsKey: boolean;
}

function curl({ origin, needsKey }: Place, path: string, options = ""): string {
  return `curl -sS ${options}${needsKey ? KEY : ""}\\\n  '${origin}${path}'`;
}

export const readExample = (place: Place): string => curl(place, "/api/v1/items?limit=3");

export function changeExample(place: Place): string {
  const change = curl(place, `/api/v1/items/${place.item}/adjustments`, "-X POST ");
  return `${change} \\\n  -H 'Content-Type: application/json' -d '{"by":-1}'`;
}

export const eventsExample = (place: Place): string => curl(place, "/events?topic=items&snapshot=true", "-N ");

export const pollExample = (place: Place): string => curl(place, "/poll?topic=items");

/** Runs as it is in Node.js (22 or newer), as a module: a key goes for a token there, because a browser's socket sends no header. */
export function socketExample({ origin, needsKey }: Place): string {
  const subscribe = 'send({ type: "subscribe", ref: 1, topic: "items", snapshot: true })';
  const exchange = [
    `const exchanged = await fetch("${origin}/api/v1/tokens", {`,
    '  method: "POST",',
    "  headers: { Authorization: `Bearer ${process.env.STOCKWIRE_KEY}` },",
    "});",
    "const { token } = await exchanged.json();",
  ];
  return [
    ...(needsKey ? exchange : []),
    `const socket = new WebSocket("${origin.replace(/^http/, "ws")}/ws", "stockwire.v1.json");`,
    "const send = (frame) => socket.send(JSON.stringify(frame));",
    `socket.onopen = () => ${needsKey ? 'send({ type: "auth", token })' : subscribe};`,
    "socket.onmessage = ({ data }) => {",
    "  const frame = JSON.parse(data);",
    ...(needsKey ? [`  if (frame.type === "connected") ${subscribe};`] : []),
    "  console.log(frame);",
    "};",
  ].join("\n");
}
