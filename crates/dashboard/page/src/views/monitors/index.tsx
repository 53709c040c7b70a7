// Monitors, with channels and data sources: which page is at which address.

import type { ComponentChildren } from "preact";
import { Link, Route, Switch, useLocation } from "wouter-preact";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { isId, NotFound } from "../../ui/not-found";
import { Channels } from "./channels";
import { EditMonitor } from "./edit";
import { MonitorList } from "./list";
import { NewMonitor } from "./new";
import { Sources } from "./sources";
import "./monitors.css";

export function Monitors() {
  return (
    <div class="view monitors">
      <Places />
      <Switch>
        <Route path="/monitors" component={MonitorList} />
        <Route path="/monitors/new" component={NewMonitor} />
        <Route path="/monitors/channels" component={Channels} />
        <Route path="/monitors/sources" component={Sources} />
        <Route path="/monitors/:id">
          {({ id }) => (isId(id) ? <EditMonitor key={id} id={Number(id)} /> : <NotFound />)}
        </Route>
        <Route component={NotFound} />
      </Switch>
    </div>
  );
}

function Places() {
  return (
    <nav class="row tabs" aria-label={t("monitors.title")}>
      <Place href="/monitors">{t("monitors.title")}</Place>
      {may("monitors") && <Place href="/monitors/channels">{t("monitors.channels")}</Place>}
      <Place href="/monitors/sources">{t("monitors.sources")}</Place>
    </nav>
  );
}

function Place({ href, children }: { href: string; children: ComponentChildren }) {
  const [location] = useLocation();
  return (
    <Link href={href} class="tab" aria-current={location === href ? "page" : undefined}>
      {children}
    </Link>
  );
}
