// What somebody may do, in words.

import type { Permission } from "../../api/session";
import { type Key, t } from "../../i18n";
import { Icon } from "../../ui/icon";

export const PERMISSION_TEXT: Record<Permission, Key> = {
  read: "account.may_read",
  stock: "account.may_stock",
  items: "account.may_items",
  monitors: "account.may_monitors",
  keys: "account.may_keys",
  users: "account.may_users",
};

export function PermissionList({ permissions }: { permissions: readonly Permission[] }) {
  return (
    <ul class="permissions" aria-label={t("account.may")}>
      {permissions.map((permission) => (
        <li key={permission}>
          <Icon name="check" />
          {t(PERMISSION_TEXT[permission])}
        </li>
      ))}
    </ul>
  );
}
