// The page: which view is at which address. Views that most visits don't need are loaded when they are wanted.

import type { ComponentType } from "preact";
import { lazy, Suspense } from "preact/compat";
import { Route, Switch } from "wouter-preact";
import { t } from "./i18n";
import { Ended, isOver } from "./shell/ended";
import { Shell } from "./shell/shell";
import { isId, NotFound } from "./ui/not-found";
import { Toasts } from "./ui/toasts";
import { Inventory } from "./views/inventory";

type Loaded<P> = Promise<{ default: ComponentType<P> }>;

const ItemPage = lazy(
  () => import("./views/item").then(({ ItemPage }) => ({ default: ItemPage })) as Loaded<{ id: number }>,
);
const Overview = lazy(() => import("./views/overview").then(({ Overview }) => ({ default: Overview })));
const Monitors = lazy(() => import("./views/monitors").then(({ Monitors }) => ({ default: Monitors })));
const Notifications = lazy(() =>
  import("./views/notifications").then(({ Notifications }) => ({ default: Notifications })),
);
const Transfer = lazy(() => import("./views/transfer").then(({ Transfer }) => ({ default: Transfer })));
const Integrate = lazy(() => import("./views/integrate").then(({ Integrate }) => ({ default: Integrate })));
const Account = lazy(() => import("./views/account").then(({ Account }) => ({ default: Account })));

export function App() {
  return (
    <>
      <Shell>{!isOver.value && <Views />}</Shell>
      <Toasts />
      <Ended />
    </>
  );
}

function Views() {
  return (
    <Suspense fallback={<p class="empty">{t("common.loading")}</p>}>
      <Switch>
        <Route path="/" component={Inventory} />
        <Route path="/items" component={Inventory} />
        <Route path="/items/:id">{({ id }) => (isId(id) ? <ItemPage key={id} id={Number(id)} /> : <NotFound />)}</Route>
        <Route path="/overview" component={Overview} />
        <Route path="/monitors/*?" component={Monitors} />
        <Route path="/notifications" component={Notifications} />
        <Route path="/import" component={Transfer} />
        <Route path="/account/*?" component={Account} />
        <Route path="/integrate" component={Integrate} />
        <Route component={NotFound} />
      </Switch>
    </Suspense>
  );
}
