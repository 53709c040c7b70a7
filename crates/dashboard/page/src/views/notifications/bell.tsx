// The bell.

import { Link } from "wouter-preact";
import { t } from "../../i18n";
import { Icon } from "../../ui/icon";

export function Bell() {
  return (
    <Link href="/notifications" class="button plain icon-only" aria-label={t("notifications.title")}>
      <Icon name="bell" />
    </Link>
  );
}
