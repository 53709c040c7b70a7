// English: the texts that all others are checked against. A file for each part of the page.

import { account } from "./account";
import { common } from "./common";
import { connection } from "./connection";
import { integrate } from "./integrate";
import { inventory } from "./inventory";
import { item } from "./item";
import { monitors } from "./monitors";
import { notifications } from "./notifications";
import { overview } from "./overview";
import { transfer } from "./transfer";

export const en = {
  account,
  common,
  connection,
  integrate,
  inventory,
  item,
  monitors,
  notifications,
  overview,
  transfer,
};

export type Messages = typeof en;

/** The same keys with texts of another language, which needs no singular if it has none. */
export type Translated<M> = {
  readonly [K in keyof M as K extends `${string}_one` ? never : K]: M[K] extends string ? string : Translated<M[K]>;
};
