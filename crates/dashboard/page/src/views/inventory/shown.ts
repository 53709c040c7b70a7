// What the table shows, for whoever exports it: the filtered items in their order, and the columns.

export { visibleColumns } from "./columns";
export { shown as shownItems } from "./model";
