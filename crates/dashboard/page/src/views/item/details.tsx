// All fields of the item.

import type { ComponentChildren } from "preact";
import { decimalText, tenThousandths } from "../../api/decimal";
import { t } from "../../i18n";
import { moment, price, whole } from "../../i18n/format";
import type { Item } from "../../live/stock";
import { attributeText, valueText } from "../../ui/differences";

export function Details({ item }: { item: Item }) {
  const attributes = Object.entries(item.attributes);
  return (
    <section class="card stack" aria-labelledby="details">
      <h2 id="details">{t("item.details")}</h2>
      <dl class="item-fields">
        <Fact name={t("item.sku")}>{valueText("sku", item.sku)}</Fact>
        <Fact name={t("item.quantity")}>
          {whole(item.quantity)} {item.unit}
        </Fact>
        <Fact name={t("item.reorder_point")}>{valueText("reorder_point", item.reorder_point)}</Fact>
        <Fact name={t("item.price")}>{valueText("price", item.price)}</Fact>
        {item.price !== null && (
          <Fact name={t("item.value")}>{price(decimalText(BigInt(item.quantity) * tenThousandths(item.price)))}</Fact>
        )}
        <Fact name={t("item.description")}>
          <span class="item-text">{valueText("description", item.description)}</span>
        </Fact>
        <Fact name={t("item.id")}>{item.id}</Fact>
        <Fact name={t("item.version")}>{item.version}</Fact>
        <Fact name={t("item.created_at")}>{moment(item.created_at)}</Fact>
        <Fact name={t("item.updated_at")}>{moment(item.updated_at)}</Fact>
      </dl>
      {attributes.length > 0 && (
        <>
          <h3>{t("item.attributes")}</h3>
          <dl class="item-fields">
            {attributes.map(([name, value]) => (
              <Fact key={name} name={name}>
                {attributeText(value)}
              </Fact>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
