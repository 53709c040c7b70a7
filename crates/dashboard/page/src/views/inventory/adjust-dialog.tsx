// Adds to a quantity or takes from it, with a reason. The amount is sent, not the result: two people's adjustments both count.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../../i18n";
import { whole } from "../../i18n/format";
import { asProblem } from "../../api/client";
import type { Item } from "../../live/stock";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { adjustMany } from "./doing";
import { plainNumber } from "./amounts";
import { itemOf, follow } from "./model";
import { problemText } from "./saving";
import { closeDialog } from "./state";
import { adjustItem } from "./writing";

/** The amount that was typed, without its sign. */
function amountOf(text: string): number | undefined {
  const amount = Math.abs(Number(plainNumber(text) ?? Number.NaN));
  return Number.isSafeInteger(amount) && amount > 0 ? amount : undefined;
}

export function AdjustDialog({ items }: { items: readonly Item[] }) {
  const amount = useSignal("1");
  const taking = useSignal(false);
  const reason = useSignal("");
  const wrong = useSignal<string | undefined>(undefined);
  const busy = useSignal(false);
  const body = useRef<HTMLDivElement>(null);
  follow();
  useEffect(() => body.current?.querySelector<HTMLInputElement>("input[inputmode]")?.select(), []);
  const [first] = items;
  if (first === undefined) return null;
  const single = items.length === 1 ? (itemOf(first.id) ?? first) : undefined;
  const parsed = amountOf(amount.value);
  const by = parsed === undefined ? undefined : taking.value ? -parsed : parsed;

  const submit = async (): Promise<void> => {
    if (by === undefined) {
      wrong.value = t("inventory.needs_amount");
      return;
    }
    if (single === undefined) {
      closeDialog();
      await adjustMany(items, by, reason.value);
      return;
    }
    busy.value = true;
    try {
      await adjustItem(single.id, by, reason.value);
      closeDialog();
    } catch (error) {
      wrong.value = problemText(asProblem(error));
    } finally {
      busy.value = false;
    }
  };
  const title =
    single === undefined
      ? t("inventory.adjust_many", { count: items.length })
      : t("inventory.adjust_item", { name: single.name });
  return (
    <Dialog
      title={title}
      onClose={closeDialog}
      onSubmit={() => void submit()}
      actions={
        <>
          <Button onClick={closeDialog}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary" disabled={busy.value}>
            {t("inventory.adjust")}
          </Button>
        </>
      }
    >
      <div ref={body} class="stack">
        <fieldset class="direction">
          <legend class="hidden">{t("inventory.direction")}</legend>
          {[false, true].map((takes) => (
            <label key={String(takes)} class="check">
              <input
                type="radio"
                name="direction"
                checked={taking.value === takes}
                onChange={() => (taking.value = takes)}
              />
              {takes ? t("inventory.take") : t("inventory.receive")}
            </label>
          ))}
        </fieldset>
        <TextField
          label={t("inventory.amount")}
          inputMode="numeric"
          autoComplete="off"
          value={amount.value}
          wrong={wrong.value}
          onText={(text) => {
            wrong.value = undefined;
            // A sign that is typed chooses the direction.
            if (/^\s*[-−]/.test(text)) taking.value = true;
            amount.value = text;
          }}
        />
        {single !== undefined && (
          <p>
            {t("inventory.becomes", {
              before: whole(single.quantity),
              after: by === undefined ? "?" : whole(single.quantity + by),
              unit: single.unit,
            })}
          </p>
        )}
        <TextField
          label={`${t("common.reason")} (${t("common.optional")})`}
          value={reason.value}
          maxLength={500}
          onText={(text) => (reason.value = text)}
        />
      </div>
    </Dialog>
  );
}
