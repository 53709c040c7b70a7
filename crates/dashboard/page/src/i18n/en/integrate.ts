export const integrate = {
  title: "Integrate",
  intro:
    "Everything on this page comes by the API that your programs use: REST to read and change, a stream to hear of every change as it is committed.",
  docs: "API documentation",
  openapi: "OpenAPI document",
  plain: "A page in plain JavaScript to begin with",
  key_title: "1. A key",
  key_text: "A program shows an API key. It is shown once, when it is made: put it where the examples below find it.",
  key_ask: "Managers and owners make keys: ask one of them.",
  key_free: "Whoever reaches this service may do what you may: the examples work without a key. Sign in to make keys.",
  key_set: "Keep it in the shell",
  key_all: "All keys",
  rest_title: "2. Read and change",
  rest_text: "Every answer has an ETag; If-Match with it keeps two writers from overwriting each other.",
  rest_read: "Three items",
  rest_change: "Take one out of stock (needs the scope stock)",
  stream_title: "3. Hear of changes",
  stream_text:
    "First the state comes, then every change with the item before and after, who did it and why. Whoever comes back with the last cursor misses nothing.",
  stream_events: "Server-Sent Events",
  stream_socket: "WebSocket, in JavaScript",
  stream_poll: "Long polling",
};
