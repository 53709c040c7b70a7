// What sorting by a column asks for.

import type { Column } from "./columns";
import { ask, query } from "./model";

/** Sorts by the column; a second time the other way round. */
export function sortBy(column: Column): void {
  const { sort } = query.peek();
  ask({ sort: { column, descending: sort.column === column && !sort.descending } });
}
