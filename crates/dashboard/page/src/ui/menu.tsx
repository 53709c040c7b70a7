// A button that opens a list of things to do: arrows move, Escape and a click elsewhere close.

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { Button } from "./button";
import type { IconName } from "./icon";

interface Props {
  label: string;
  icon?: IconName;
  /** Shown on the button instead of its icon. */
  face?: ComponentChildren;
  small?: boolean;
  children: ComponentChildren;
}

/** The entries are buttons or links with the class `menu-item`; `role="menuitem"` or the like is theirs to say. */
export function Menu({ label, icon, face, small, children }: Props) {
  const id = useId();
  const anchor = useRef<HTMLSpanElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const entries = (): HTMLElement[] => [...(list.current?.querySelectorAll<HTMLElement>(".menu-item, input") ?? [])];

  const opened = (event: ToggleEvent): void => {
    if (event.newState !== "open" || list.current === null || anchor.current === null) return;
    const at = anchor.current.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = list.current;
    const below = at.bottom + 4 + height <= innerHeight;
    list.current.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
    list.current.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - height - 4)}px`;
    entries()[0]?.focus();
  };

  const move = (event: KeyboardEvent): void => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };

  return (
    <span ref={anchor}>
      <Button
        kind="plain"
        icon={face === undefined ? icon : undefined}
        small={small}
        label={label}
        aria-haspopup="true"
        {...{ popovertarget: id }}
      >
        {face}
      </Button>
      <div
        ref={list}
        id={id}
        class="menu"
        popover="auto"
        role="group"
        aria-label={label}
        onToggle={opened}
        onKeyDown={move}
        onClick={(event) => {
          const entry = (event.target as HTMLElement).closest(".menu-item");
          if (entry !== null && !entry.hasAttribute("data-stays")) list.current?.hidePopover();
        }}
      >
        {children}
      </div>
    </span>
  );
}
