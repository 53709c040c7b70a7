// The notifications: their history with filters, live on top, what is muted, and whether this browser tells of new ones.

import { useEffect, useState } from "preact/hooks";
import { useSearch } from "wouter-preact";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Card } from "./card";
import { chooseDesktop, desktop, readDesktop } from "./desktop";
import { failed, troubleText } from "../../ui/trouble";
import { Filters, filterOf } from "./filters";
import { useHistory } from "./history";
import { markAllRead, unread } from "./inbox";
import { Mutes } from "./mutes";
import "./notifications.css";

export function Notifications() {
  const count = unread.value?.total ?? 0;
  return (
    <div class="view">
      <div class="row spread">
        <h1>{t("notifications.title")}</h1>
        <div class="row">
          <span class="quiet">
            {count > 0 ? t("notifications.unread_count", { count }) : t("notifications.all_read")}
          </span>
          <Button icon="check" disabled={count === 0} onClick={() => markAllRead().catch(failed)}>
            {t("notifications.mark_all_read")}
          </Button>
        </div>
      </div>
      <DesktopSwitch />
      <HistoryList />
      <Mutes />
    </div>
  );
}

function HistoryList() {
  const search = useSearch();
  const [filter, setFilter] = useState(() => filterOf(search));
  // A link to this page with another filter leads there, too.
  useEffect(() => setFilter(filterOf(search)), [search]);
  const history = useHistory(filter);
  const shown = history.shown.value;
  const problem = history.problem.value;
  return (
    <section class="stack" aria-label={t("notifications.history")}>
      <Filters filter={filter} onFilter={setFilter} />
      <ul class="notification-list">
        {shown.map((notification) => (
          <Card key={notification.id} notification={notification} />
        ))}
      </ul>
      {problem !== undefined && (
        <p class="notice danger row spread" role="alert">
          {troubleText(problem)}
          <Button small onClick={() => (shown.length === 0 ? history.again() : history.more())}>
            {t("common.try_again")}
          </Button>
        </p>
      )}
      {history.loading.value && <p class="empty">{t("common.loading")}</p>}
      {!history.loading.value && problem === undefined && shown.length === 0 && (
        <p class="empty">{t("notifications.none_fit")}</p>
      )}
      {history.hasMore.value && !history.loading.value && (
        <Button onClick={() => history.more()}>{t("common.load_more")}</Button>
      )}
    </section>
  );
}

function DesktopSwitch() {
  useEffect(readDesktop, []);
  const state = desktop.value;
  return (
    <section class="card stack" aria-label={t("notifications.desktop")}>
      <label class="check">
        <input
          type="checkbox"
          role="switch"
          checked={state === "on"}
          disabled={state === "unsupported" || state === "denied"}
          onChange={(event) => chooseDesktop(event.currentTarget.checked).catch(failed)}
        />
        {t("notifications.desktop")}
      </label>
      <p class="quiet">{t(`notifications.desktop_${state}`)}</p>
    </section>
  );
}
