// A dialog that keeps the focus, closes with Escape, and gives the focus back.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n";
import { Button } from "./button";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** The buttons at the end. */
  actions?: ComponentChildren;
  wide?: boolean;
  /** Makes the dialog a form: what Enter does, once at a time, however often it is pressed. */
  onSubmit?: () => unknown;
  /** It can only be left by its actions. */
  final?: boolean;
}

const CONTENT = ".dialog-body";
const WORTH_FOCUS = ".dialog-body :is(input, select, textarea, button, a[href]), .dialog-foot button";

export function Dialog({ title, onClose, children, actions, wide, onSubmit, final }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    // The button that closes it comes first, and is not what anybody opened it for.
    if (element.current?.querySelector(CONTENT)?.matches(":focus-within") !== true) {
      element.current?.querySelector<HTMLElement>(WORTH_FOCUS)?.focus();
    }
    return () => {
      // As long as the dialog is in the document, nothing outside of it takes the focus.
      queueMicrotask(() => {
        if (before instanceof HTMLElement && before.isConnected) before.focus();
        // What opened it is gone, such as a deleted row: the keyboard goes on in the view.
        else document.getElementById("content")?.focus({ preventScroll: true });
      });
    };
  }, []);
  const content = (
    <>
      <div class="dialog-body">{children}</div>
      {actions !== undefined && <div class="dialog-foot">{actions}</div>}
    </>
  );
  const isBusy = useRef(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.current) return;
    isBusy.current = true;
    try {
      await onSubmit?.();
    } finally {
      isBusy.current = false;
    }
  };
  return (
    <dialog
      ref={element}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        if (!final) onClose();
      }}
      // Browsers let nobody keep a dialog open against Escape pressed twice.
      onClose={() => (final ? element.current?.showModal() : onClose())}
    >
      <div class="dialog-head">
        <h2 id={heading}>{title}</h2>
        {!final && <Button kind="plain" icon="close" label={t("common.close")} onClick={onClose} />}
      </div>
      {onSubmit === undefined ? (
        content
      ) : (
        <form onSubmit={submit} noValidate>
          {content}
        </form>
      )}
    </dialog>
  );
}
