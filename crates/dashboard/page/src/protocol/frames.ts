// The frames that the hub sends, as types, and the one place where text becomes a frame.

/** A place in the log: dense, growing, of one epoch. */
export interface Cursor {
  readonly epoch: string;
  readonly position: number;
}

/** What every document of a topic has. */
export interface Document {
  readonly id: number;
  readonly version: number;
}

/** A change of one document. `notification` is a creation by another name. */
export interface ChangeFrame<D extends Document = Document> {
  readonly type: "create" | "update" | "delete" | "notification";
  readonly topic: string;
  readonly resource: string;
  readonly id: number;
  readonly position: number;
  readonly prev: number;
  readonly version: number;
  readonly at: string;
  readonly actor: string;
  readonly reason: string | null;
  readonly data: D | null;
  readonly previous: Partial<D> | null;
}

export interface ConnectedFrame {
  readonly type: "connected";
  readonly connection_id: string;
  readonly epoch: string;
  readonly position: number;
  readonly heartbeat_ms: number;
  readonly token_expires_at: string | null;
  readonly reconnect_jitter_ms: number;
}

export interface SubscribedFrame {
  readonly type: "subscribed";
  readonly topic: string;
  readonly recovered: boolean;
  readonly position: number;
  readonly epoch: string;
}

export interface InitialFrame<D extends Document = Document> {
  readonly type: "initial";
  readonly topic: string;
  readonly as_of: Cursor;
  readonly data: readonly D[];
  readonly more: boolean;
}

export interface ConflatedFrame {
  readonly type: "conflated";
  readonly topic: string;
  readonly skipped: number;
  readonly position: number;
}

export interface ResyncFrame {
  readonly type: "resync";
  readonly topic: string;
  readonly reason: "gap" | "epoch" | "too_old";
  readonly position: number;
  readonly epoch: string;
}

export type LogoutReason = "other_device_login" | "revoked" | "password_changed" | "expired";

export interface ForceLogoutFrame {
  readonly type: "force_logout";
  readonly reason: LogoutReason;
  readonly message: string;
}

export interface ErrorFrame {
  readonly type: "error";
  readonly ref: number | null;
  readonly code: string;
  readonly detail: string;
}

/** Says up to where everything was sent, on all topics of the connection. */
export interface HeartbeatFrame {
  readonly type: "heartbeat" | "pong";
  readonly position: number;
}

/** A frame that is about one topic. */
export type TopicFrame<D extends Document = Document> =
  ChangeFrame<D> | SubscribedFrame | InitialFrame<D> | ConflatedFrame | ResyncFrame;

export type ServerFrame = TopicFrame | ConnectedFrame | ForceLogoutFrame | ErrorFrame | HeartbeatFrame;

const TYPES: ReadonlySet<string> = new Set([
  "connected",
  "subscribed",
  "initial",
  "create",
  "update",
  "delete",
  "notification",
  "heartbeat",
  "pong",
  "conflated",
  "resync",
  "force_logout",
  "error",
]);

/** Reads a frame. Of a type that a later hub may add, nothing comes out: it is passed over. */
export function parseFrame(text: string): ServerFrame | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("type" in value)) throw new Error("not a frame");
  return typeof value.type === "string" && TYPES.has(value.type) ? (value as ServerFrame) : undefined;
}

/** Whether the frame is about one topic. */
export function isTopicFrame(frame: ServerFrame): frame is TopicFrame {
  return "topic" in frame;
}

/** Whether the frame is a change of a document. */
export function isChange<D extends Document>(frame: TopicFrame<D>): frame is ChangeFrame<D> {
  return "prev" in frame;
}
