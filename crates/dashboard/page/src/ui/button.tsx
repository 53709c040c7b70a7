// A button, with a text, or with an icon and a label that is read out.

import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon";

interface Props extends Omit<JSX.IntrinsicElements["button"], "class" | "icon" | "size"> {
  kind?: "primary" | "danger" | "plain" | undefined;
  icon?: IconName | undefined;
  small?: boolean | undefined;
  /** What the button does, if it shows nothing but its icon. */
  label?: string | undefined;
  class?: string | undefined;
  children?: ComponentChildren;
}

export function Button({ kind, icon, small, label, children, class: extra, ...rest }: Props) {
  const classes = ["button", kind, small && "small", children === undefined && "icon-only", extra];
  return (
    <button type="button" {...rest} class={classes.filter(Boolean).join(" ")} aria-label={label} title={label}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}
