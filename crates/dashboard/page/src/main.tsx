// Starts the page: the language, who is here, the connection, then what is shown. Where nobody can say who is here, because
// the service can't be reached or is in trouble, the page shows itself and goes on asking.

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/toasts.css";
import "./styles/shell.css";
import { render } from "preact";
import { loadPatiently } from "./api/session";
import { App } from "./app";
import { startLanguage } from "./i18n";
import { startActivity } from "./live/activity";
import { connection } from "./live/stock";
import { signInAddress } from "./shell/ended";
import { startClock } from "./ui/clock";
import { startTheme } from "./ui/theme";

/** Nobody looks at nothing for longer than so many milliseconds. */
const PATIENCE = 3000;

let shown = false;

function show(): void {
  if (shown) return;
  shown = true;
  startActivity();
  connection.start();
  const page = document.getElementById("page");
  if (page !== null) render(<App />, page);
}

async function start(): Promise<void> {
  startTheme();
  startClock();
  const spoken = startLanguage();
  const showNow = (): void => void spoken.then(show);
  const timer = setTimeout(showNow, PATIENCE);
  const [ended] = await Promise.all([loadPatiently(showNow), spoken]);
  clearTimeout(timer);
  if (ended === undefined) show();
  else location.replace(signInAddress());
}

void start();
