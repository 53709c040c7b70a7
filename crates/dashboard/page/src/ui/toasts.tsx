// Short messages at the edge of the page, some with something to do, and the live region that reads out what matters.

import { type Signal, signal } from "@preact/signals";
import { t } from "../i18n";
import { Button } from "./button";

export interface Toast {
  readonly text: string;
  readonly kind?: "good" | "warning" | "danger";
  readonly action?: { readonly label: string; readonly run: () => void };
  /** How long it stays, in milliseconds: longer if there is something to do. */
  readonly lasts?: number;
  /** It is read out at once, whatever is being read. */
  readonly urgent?: boolean;
}

interface Shown extends Toast {
  readonly id: number;
}

const MOST = 4;
const LASTS = 5000;
const LASTS_WITH_ACTION = 10_000;
let last = 0;
const shown: Signal<readonly Shown[]> = signal([]);
/** What is read out. */
export const spoken: Signal<string> = signal("");

/** Shows a message, and reads it out. The answer takes it away. */
export function toast(message: Toast): () => void {
  last += 1;
  const id = last;
  shown.value = [...shown.value, { ...message, id }].slice(-MOST);
  const dismiss = (): void => {
    shown.value = shown.value.filter((other) => other.id !== id);
  };
  setTimeout(dismiss, message.lasts ?? (message.action ? LASTS_WITH_ACTION : LASTS));
  return dismiss;
}

/** Takes all messages away: they tell of what may no longer be seen. */
export function dismissAll(): void {
  shown.value = [];
}

/** Between two texts that are read out there are so many milliseconds: what changes all the time would shout. */
const PAUSE = 2000;
let next: string | undefined;
let pausing = false;

/** Reads a text out: at once, or behind the pause, if no newer one has come until then. */
export function announce(text: string): void {
  next = text;
  if (!pausing) speak();
}

function speak(): void {
  pausing = next !== undefined;
  if (next === undefined) return;
  spoken.value = next;
  next = undefined;
  setTimeout(speak, PAUSE);
}

export function Toasts() {
  return (
    <>
      <div class="toasts">
        <div class="toast-group" role="alert" aria-live="assertive">
          <ToastCards messages={shown.value.filter((message) => message.urgent)} />
        </div>
        <div class="toast-group" role="status" aria-live="polite">
          <ToastCards messages={shown.value.filter((message) => !message.urgent)} />
        </div>
      </div>
      <div class="hidden" role="status" aria-live="polite">
        {spoken.value}
      </div>
    </>
  );
}

function ToastCards({ messages }: { messages: readonly Shown[] }) {
  return (
    <>
      {messages.map((message) => (
        <ToastCard key={message.id} message={message} />
      ))}
    </>
  );
}

function ToastCard({ message }: { message: Shown }) {
  const dismiss = (): void => {
    shown.value = shown.value.filter((other) => other.id !== message.id);
  };
  const { action } = message;
  return (
    <div class={`toast ${message.kind ?? ""}`}>
      <span class="text">{message.text}</span>
      {action !== undefined && (
        <Button
          small
          onClick={() => {
            dismiss();
            action.run();
          }}
        >
          {action.label}
        </Button>
      )}
      <Button kind="plain" small icon="close" label={t("common.dismiss")} onClick={dismiss} />
    </div>
  );
}
