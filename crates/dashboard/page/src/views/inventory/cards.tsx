// Items as cards, for small screens: the same rows, without a header.

import { memo } from "preact/compat";
import { useRef } from "preact/hooks";
import { Link } from "wouter-preact";
import { t } from "../../i18n";
import { price, whole } from "../../i18n/format";
import { may } from "../../api/session";
import { isMe } from "../../live/actors";
import { connection, type Item } from "../../live/stock";
import { Button } from "../../ui/button";
import { useVirtual } from "../../ui/virtual";
import { Ago, LevelBadge, WhoTag } from "./display";
import { askAdjust } from "./doing";
import { type Flash, flashOf, lastChangeOf } from "./flashes";
import { handle, follow, rowAt, rowCount } from "./model";
import { dialog } from "./state";
import { stepQuantity, unconfirmed } from "./steps";

const CARD_HEIGHT = 128;

export function Cards() {
  const scroller = useRef<HTMLDivElement>(null);
  follow();
  const count = rowCount();
  const virtual = useVirtual({ scroller, count, size: CARD_HEIGHT });
  const stale = connection.status.value.kind !== "live";
  return (
    <div
      ref={scroller}
      class="grid-scroll"
      tabIndex={-1}
      data-stale={stale ? "" : undefined}
      onPointerDown={() => handle({ there: true })}
      onScroll={() => handle()}
    >
      <ul class="cards" style={{ height: `${virtual.height}px` }}>
        {virtual.rows.map(({ index, start }) => {
          const row = rowAt(index);
          if (row === undefined) return null;
          const { item, gone } = row;
          return (
            <Card
              key={item.id}
              item={item}
              gone={gone}
              index={index}
              count={count}
              top={start}
              flash={flashOf(item.id)}
            />
          );
        })}
      </ul>
    </div>
  );
}

interface Props {
  item: Item;
  gone: boolean;
  index: number;
  count: number;
  top: number;
  flash: Flash | undefined;
}

const Card = memo(function Card({ item, gone, index, count, top, flash }: Props) {
  const last = lastChangeOf(item.id);
  const classes = ["item-card", gone && "gone", flash && "flashes"].filter(Boolean).join(" ");
  return (
    <li
      class={classes}
      style={{ transform: `translateY(${top}px)` }}
      aria-setsize={count}
      aria-posinset={index + 1}
      data-id={item.id}
    >
      <div class="card-head">
        <Link href={`/items/${item.id}`} class="card-name">
          {item.name}
        </Link>
        {flash !== undefined && <WhoTag actor={flash.actor} text={t("inventory.changed_by")} />}
        {gone && <span class="badge danger">{t("inventory.deleted")}</span>}
        {gone && last !== undefined && !isMe(last.actor) && (
          <WhoTag actor={last.actor} text={t("inventory.deleted_by")} />
        )}
        {!gone && <LevelBadge item={item} />}
      </div>
      <div class="card-facts quiet">
        <span class="mono">{item.sku ?? ""}</span>
        <span class={flash?.before.has("price") ? "flash" : undefined}>
          {item.price === null ? "" : price(item.price)}
        </span>
        <Ago at={item.updated_at} />
      </div>
      <CardStock item={item} gone={gone} flash={flash} />
    </li>
  );
});

function CardStock({ item, gone, flash }: { item: Item; gone: boolean; flash: Flash | undefined }) {
  const by = unconfirmed.value.get(item.id);
  const steps = may("stock") && !gone;
  const name = item.name;
  return (
    <div class="card-stock">
      {steps && (
        <Button icon="minus" label={t("inventory.step_down", { name })} onClick={() => stepQuantity(item.id, -1)} />
      )}
      <span
        class={["card-quantity", flash?.before.has("quantity") && "flash", by !== undefined && "pending"]
          .filter(Boolean)
          .join(" ")}
      >
        {whole(Math.max(0, item.quantity + (by ?? 0)))} <span class="quiet">{item.unit}</span>
        {by !== undefined && <span class="hidden">{t("inventory.saving")}</span>}
      </span>
      {steps && <Button icon="add" label={t("inventory.step_up", { name })} onClick={() => stepQuantity(item.id, 1)} />}
      {steps && <Button onClick={() => askAdjust([item])}>{t("inventory.adjust")}</Button>}
      {may("items") && !gone && (
        <Button
          kind="plain"
          icon="edit"
          label={t("inventory.edit", { name })}
          onClick={() => (dialog.value = { kind: "edit", item })}
        />
      )}
    </div>
  );
}
