// Whether a monitor looks at an item, by its scope and by what it looks at.

import type { Item, Monitor } from "../../live/stock";

export function watches(monitor: Pick<Monitor, "scope" | "condition">, item: Item, deleted: boolean): boolean {
  const { scope, condition } = monitor;
  // Of a deleted item only the monitors that were made for it are left.
  if (scope.kind === "item") return scope.item_id === item.id;
  if (deleted) return false;
  if (condition.kind === "at_reorder_point" && item.reorder_point === null) return false;
  switch (scope.kind) {
    case "all":
      return true;
    case "sku_prefix":
      return item.sku?.startsWith(scope.prefix) ?? false;
    case "attribute":
      return Object.hasOwn(item.attributes, scope.name) && item.attributes[scope.name] === scope.value;
  }
}
