// Starts the page: the language, who is here, the connection, then what is shown.

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import { render } from "preact";
import { load } from "./api/session";
import { App } from "./app";
import { startLanguage } from "./i18n";
import { startActivity } from "./live/activity";
import { connection } from "./live/stock";
import { signInAddress } from "./shell/ended";
import { startClock } from "./ui/clock";
import { startTheme } from "./ui/theme";

async function start(): Promise<void> {
  startTheme();
  startClock();
  const [, ended] = await Promise.all([startLanguage(), load().catch(() => undefined)]);
  if (ended !== undefined) {
    location.replace(signInAddress());
    return;
  }
  startActivity();
  connection.start();
  const page = document.getElementById("page");
  if (page !== null) render(<App />, page);
}

void start();
