// Chinese.

import type { Messages, Translated } from "../en";
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

export const zh: Translated<Messages> = {
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
