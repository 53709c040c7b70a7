// What is shown where an address leads nowhere.

import { Link } from "wouter-preact";
import { t } from "../i18n";

/** Whether a part of an address can be an id: anything else would be asked for again and again, and never be found. */
export function isId(text: string): boolean {
  return /^[1-9]\d{0,14}$/.test(text);
}

export function NotFound() {
  return (
    <div class="empty">
      <h1>{t("common.not_found")}</h1>
      <p>
        <Link href="/">{t("common.to_the_inventory")}</Link>
      </p>
    </div>
  );
}
