// What is, was or couldn't be sent through channels; what didn't arrive can be tried again.

import { useState } from "preact/hooks";
import { api, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { t } from "../../i18n";
import { moment } from "../../i18n/format";
import { Button } from "../../ui/button";
import { ChoiceField } from "../../ui/field";
import { PagedFoot, usePaged } from "../../ui/paged";
import { toast } from "../../ui/toasts";
import { failed } from "../../ui/trouble";
import type { Channel } from "./channel-fields";

type Delivery = components["schemas"]["Delivery"];
type State = components["schemas"]["DeliveryState"];

const STATES: readonly State[] = ["dead", "pending", "delivered"];
const KINDS: Record<State, string> = { dead: "danger", pending: "warning", delivered: "good" };

export function Deliveries({ channels }: { channels: readonly Channel[] }) {
  const [state, setState] = useState<State>("dead");
  const [channel, setChannel] = useState("");
  const list = usePaged(`${state} ${channel}`, (after) => {
    const channels = channel === "" ? {} : { channel_id: Number(channel) };
    const query = { state, ...channels, ...(after !== undefined && { after }) };
    return good(api.GET("/api/v1/deliveries", { params: { query } }));
  });
  const again = list.reload;
  const nameOf = (id: number): string => channels.find((one) => one.id === id)?.name ?? `#${id}`;
  const retryAll = (): void => {
    good(api.POST("/api/v1/deliveries/retry", { body: { channel_id: Number(channel) } })).then(({ retried }) => {
      toast({ kind: "good", text: t("monitors.retried", { count: retried }) });
      again();
    }, failed);
  };
  return (
    <section class="stack" aria-label={t("monitors.deliveries")}>
      <h2>{t("monitors.deliveries")}</h2>
      <div class="row trial-fields">
        <ChoiceField
          label={t("monitors.state")}
          value={state}
          choices={STATES.map((value) => ({ value, text: t(`monitors.delivery_${value}`) }))}
          onChoice={setState}
        />
        <ChoiceField
          label={t("monitors.channel")}
          value={channel}
          choices={[
            { value: "", text: t("common.all") },
            ...channels.map(({ id, name }) => ({ value: String(id), text: name })),
          ]}
          onChoice={setChannel}
        />
        {state === "dead" && channel !== "" && list.rows.length > 0 && (
          <Button icon="undo" onClick={retryAll}>
            {t("monitors.retry_all")}
          </Button>
        )}
        <Button onClick={again}>{t("monitors.refresh")}</Button>
      </div>
      {list.rows.length > 0 && <Table list={list.rows} nameOf={nameOf} again={again} />}
      <PagedFoot list={list} empty={t("monitors.no_deliveries")} />
    </section>
  );
}

function Table(props: { list: readonly Delivery[]; nameOf: (id: number) => string; again: () => void }) {
  const retry = (id: number): void => {
    good(api.POST("/api/v1/deliveries/{id}/retry", { params: { path: { id } } })).then(props.again, failed);
  };
  return (
    <div class="table-scroll card">
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">{t("monitors.notification")}</th>
            <th scope="col">{t("monitors.channel")}</th>
            <th scope="col">{t("monitors.state")}</th>
            <th scope="col" class="number">
              {t("monitors.attempts")}
            </th>
            <th scope="col">{t("monitors.last_error")}</th>
            <th scope="col">
              <span class="hidden">{t("common.more")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {props.list.map((delivery) => (
            <tr key={delivery.id}>
              <td>
                #{delivery.notification_id} <span class="quiet">{moment(delivery.created_at)}</span>
              </td>
              <td>{props.nameOf(delivery.channel_id)}</td>
              <td>
                <span class={`badge ${KINDS[delivery.state]}`}>{t(`monitors.delivery_${delivery.state}`)}</span>
              </td>
              <td class="number">{delivery.attempts}</td>
              <td>{delivery.last_error ?? ""}</td>
              <td>
                {delivery.state === "dead" && (
                  <Button small icon="undo" onClick={() => retry(delivery.id)}>
                    {t("common.try_again")}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
