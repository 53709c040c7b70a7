// The overview: how the stock is, what moved, and what goes on.

import "./overview.css";
import { useComputed } from "@preact/signals";
import { Link } from "wouter-preact";
import { decimalText } from "../../api/decimal";
import { t } from "../../i18n";
import { percent, price, whole } from "../../i18n/format";
import { pace } from "../../live/activity";
import { type Item, items } from "../../live/stock";
import { sample } from "../../ui/sample";
import { Feed } from "./feed";
import { below, type Figures, figuresOf, valueOf } from "./figures";
import { MovementSection } from "./movement-section";
import { Open } from "./open";

const MOST_LOW = 15;
const MOST_DEAR = 10;

export function Overview() {
  const known = useComputed(() => items.state.value.freshness !== "empty");
  const figures = useComputed(() => {
    if (!known.value) return undefined;
    return sample(() => figuresOf(items.state.value.rows.values(), Math.max(MOST_LOW, MOST_DEAR)));
  });
  const made = figures.value;
  return (
    <div class="view">
      <h1>{t("overview.title")}</h1>
      {made === undefined ? <p class="empty">{t("common.loading")}</p> : <Tiles figures={made} />}
      <div class="overview-columns">
        <div class="stack">
          <MovementSection />
          {made !== undefined && <Dearest figures={made} />}
        </div>
        <div class="stack">
          {made !== undefined && <Low figures={made} />}
          <Open />
          <Feed />
        </div>
      </div>
    </div>
  );
}

function Tiles({ figures }: { figures: Figures }) {
  const note = figures.unpriced > 0 ? t("overview.unpriced", { count: figures.unpriced }) : undefined;
  return (
    <ul class="tiles">
      <Tile name="items" href="/" label={t("overview.items")} value={whole(figures.items)} />
      <Tile
        name="low"
        href="/?show=low"
        label={t("item.low_stock")}
        value={whole(figures.low)}
        kind={figures.low > 0 ? "warning" : ""}
      />
      <Tile
        name="out"
        href="/?show=out"
        label={t("item.out_of_stock")}
        value={whole(figures.out)}
        kind={figures.out > 0 ? "danger" : ""}
      />
      <Tile name="value" label={t("overview.value_of_stock")} value={price(decimalText(figures.value))} note={note} />
      <Pace />
    </ul>
  );
}

function Pace() {
  return <Tile name="pace" label={t("overview.pace")} value={whole(sample((at) => pace.perMinute(at)))} />;
}

interface TileProps {
  name: string;
  label: string;
  value: string;
  kind?: string;
  note?: string | undefined;
  /** Where the items are that it counts. */
  href?: string;
}

function Tile({ name, label, value, kind = "", note, href }: TileProps) {
  return (
    <li class={`card tile ${kind}`} data-tile={name}>
      {href === undefined ? <span class="quiet">{label}</span> : <Link href={href}>{label}</Link>}
      <strong class={value.length > 8 ? "long" : ""}>{value}</strong>
      {note !== undefined && <span class="quiet small">{note}</span>}
    </li>
  );
}

function Low({ figures }: { figures: Figures }) {
  const shown = figures.lowest.slice(0, MOST_LOW);
  return (
    <section class="card stack" aria-labelledby="low">
      <h2 id="low">{t("item.low_stock")}</h2>
      {shown.length === 0 && <p class="quiet">{t("overview.nothing_low")}</p>}
      <ol class="lines">
        {shown.map((item) => (
          <LowLine key={item.id} item={item} />
        ))}
      </ol>
      {figures.low > shown.length && (
        <Link href="/?show=low">{t("overview.more_low", { count: figures.low - shown.length })}</Link>
      )}
    </section>
  );
}

function LowLine({ item }: { item: Item }) {
  const empty = item.quantity === 0;
  const share = below(item);
  return (
    <li class="row spread" data-item={item.id}>
      <Link href={`/items/${item.id}`} class="grow">
        {item.name}
      </Link>
      <span class="quiet number">
        {t("overview.of", { quantity: whole(item.quantity), point: whole(item.reorder_point ?? 0) })}
      </span>
      <span class={`badge ${empty ? "danger" : "warning"}`}>
        {empty
          ? t("item.out_of_stock")
          : share === 0
            ? t("overview.at_point")
            : t("overview.below", { share: percent(share) })}
      </span>
    </li>
  );
}

function Dearest({ figures }: { figures: Figures }) {
  const shown = figures.dearest.slice(0, MOST_DEAR);
  return (
    <section class="card stack" aria-labelledby="dearest">
      <h2 id="dearest">{t("overview.dearest")}</h2>
      {shown.length === 0 && <p class="quiet">{t("overview.nothing_priced")}</p>}
      <ol class="lines">
        {shown.map((item) => (
          <li key={item.id} class="row spread">
            <Link href={`/items/${item.id}`} class="grow">
              {item.name}
            </Link>
            <span class="quiet number">
              {whole(item.quantity)} × {price(item.price ?? "0")}
            </span>
            <strong class="number">{price(decimalText(valueOf(item)))}</strong>
          </li>
        ))}
      </ol>
    </section>
  );
}
