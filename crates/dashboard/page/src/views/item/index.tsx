// The page of one item: what it is, how it went, what changed, and who watches it. It is kept up live, and shows deleted items
// for as long as something of them is kept.

import "./item.css";
import { useComputed } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { t } from "../../i18n";
import { itemOf, items } from "../../live/stock";
import { Trouble } from "../../ui/trouble";
import { Curve } from "./curve";
import { CurveSection } from "./curve-section";
import { Details } from "./details";
import { Head } from "./head";
import { History } from "./history";
import { HistoryList } from "./history-list";
import { Watching } from "./monitors";
import { Told } from "./notifications";
import { lastKnown } from "./timeline";

export function ItemPage({ id }: { id: number }) {
  if (!Number.isSafeInteger(id) || id < 1) return <Nothing />;
  return <Known id={id} />;
}

function Nothing() {
  return (
    <div class="view empty">
      <h1>{t("item.nothing")}</h1>
      <p>
        <Link href="/">{t("item.back_to_inventory")}</Link>
      </p>
    </div>
  );
}

function Known({ id }: { id: number }) {
  const [history] = useState(() => new History(id));
  const [curve] = useState(() => new Curve(id));
  useEffect(() => history.start(), [history]);
  useEffect(() => curve.start(), [curve]);
  // Changes of other items draw nothing anew.
  const live = itemOf(id);
  const whole = useComputed(() => items.state.value.freshness === "live");
  const gone = useComputed(() => lastKnown(history.entries.value));

  const item = live ?? gone.value;
  if (item === undefined) {
    const problem = history.problem.value;
    if (problem?.status === 404) return whole.value ? <Nothing /> : <p class="empty">{t("common.loading")}</p>;
    return (
      <div class="view">
        {problem === undefined ? (
          <p class="empty">{t("common.loading")}</p>
        ) : (
          <Trouble problem={problem} again={history.readNewest} />
        )}
      </div>
    );
  }
  const deleted = live === undefined;
  return (
    <div class="view" data-item={id}>
      <Head item={item} deleted={deleted} />
      <div class="item-columns">
        <div class="stack">
          <CurveSection curve={curve} name={item.name} />
          <HistoryList history={history} newest={live?.version} />
        </div>
        <div class="stack">
          <Details item={item} />
          <Watching item={item} deleted={deleted} />
          <Told id={id} />
        </div>
      </div>
    </div>
  );
}
