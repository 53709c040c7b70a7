// Adds an item, or edits all of one. What others change meanwhile is shown where it happens; where both changed the same, one
// of both is chosen.

import { useSignal } from "@preact/signals";
import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { nameOf } from "../../live/actors";
import type { Item } from "../../live/stock";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ChoiceField, Field as FormField, TextField } from "../../ui/field";
import { toast } from "../../ui/toasts";
import { columnTitle, display } from "./display";
import { type Field, isAttribute } from "./fields";
import { lastChangeOf } from "./flashes";
import { ItemForm, type Kind, KINDS } from "./form";
import { ask, indexOf, query, reorder } from "./model";
import { EVERYTHING } from "./query";
import { closeDialog, moveCursor } from "./state";

export function ItemDialog({ item }: { item: Item | undefined }) {
  const [form] = useState(() => new ItemForm(item));
  const reason = useSignal("");
  const submit = async (): Promise<void> => {
    const saved = await form.save(reason.value);
    if (saved === undefined) return;
    closeDialog();
    if (item === undefined) present(saved);
  };
  const general = form.wrong.value.get("");
  const blocked = form.gone.value || form.conflicts.value.length > 0 || form.busy.value;
  return (
    <Dialog
      wide
      title={item === undefined ? t("inventory.add_item") : t("inventory.edit", { name: item.name })}
      onClose={closeDialog}
      onSubmit={() => void submit()}
      actions={
        <>
          <Button onClick={closeDialog}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary" disabled={blocked}>
            {item === undefined ? t("common.add") : t("common.save")}
          </Button>
        </>
      }
    >
      {form.gone.value && (
        <p class="notice danger" role="alert">
          {t("inventory.gone")}
        </p>
      )}
      {general !== undefined && (
        <p class="notice danger" role="alert">
          {general}
        </p>
      )}
      <div class="item-fields">
        {form.fields.value.map((field) => (
          <OneField key={field} form={form} field={field} />
        ))}
      </div>
      <NewAttribute form={form} />
      <TextField
        label={`${t("common.reason")} (${t("common.optional")})`}
        value={reason.value}
        maxLength={500}
        onText={(text) => (reason.value = text)}
      />
    </Dialog>
  );
}

/** Shows a new item, if it isn't filtered out. */
function present(item: Item): void {
  reorder();
  const show = (): void => moveCursor({ id: item.id, place: "name" });
  if (indexOf(item.id) >= 0) {
    show();
    toast({ text: t("inventory.added", { name: item.name }), kind: "good" });
    return;
  }
  const action = {
    label: t("inventory.show_it"),
    run: () => {
      ask({ ...EVERYTHING, sort: query.peek().sort });
      show();
    },
  };
  toast({ text: t("inventory.added_hidden", { name: item.name }), action });
}

const LENGTHS: Partial<Record<Field, number>> = { name: 200, sku: 64, unit: 32, description: 4000 };

function OneField({ form, field }: { form: ItemForm; field: Field }) {
  const conflict = form.conflicts.value.find((one) => one.field === field);
  const value = form.text(field);
  const label = isAttribute(field) ? columnTitle(field) : t(`inventory.column_${field}`);
  const wrong = form.wrong.value.get(field);
  const hint = field === "reorder_point" ? t("inventory.reorder_hint") : undefined;
  const now = form.current.value;
  const last = now === undefined ? undefined : lastChangeOf(now.id);
  return (
    <div class={field === "description" || field === "name" ? "item-field whole" : "item-field"}>
      {field === "description" ? (
        <FormField label={label} wrong={wrong}>
          {(given) => (
            <textarea
              {...given}
              maxLength={LENGTHS[field]}
              value={value}
              onInput={(event) => form.type(field, event.currentTarget.value)}
            />
          )}
        </FormField>
      ) : (
        <TextField
          label={label}
          value={value}
          wrong={wrong}
          hint={hint}
          required={field === "name"}
          maxLength={LENGTHS[field]}
          autoComplete="off"
          inputMode={
            field === "price" ? "decimal" : field === "quantity" || field === "reorder_point" ? "numeric" : undefined
          }
          onText={(text) => form.type(field, text)}
        />
      )}
      {conflict !== undefined && (
        <div class="notice warning stack" role="alert">
          <span>
            {last !== undefined && last.version === now?.version
              ? t("inventory.changed_meanwhile_by", { who: nameOf(last.actor) })
              : t("inventory.changed_meanwhile")}{" "}
            {t("inventory.theirs")}: <strong>{display(field, conflict.theirs) || t("common.none")}</strong> ·{" "}
            {t("inventory.mine")}: <strong>{display(field, conflict.mine) || t("common.none")}</strong>
          </span>
          <span class="row">
            <Button small onClick={() => form.keepMine(conflict)}>
              {t("inventory.keep_mine")}
            </Button>
            <Button small onClick={() => form.takeTheirs(conflict)}>
              {t("inventory.take_theirs")}
            </Button>
          </span>
        </div>
      )}
    </div>
  );
}

function NewAttribute({ form }: { form: ItemForm }) {
  const name = useSignal("");
  const kind = useSignal<Kind>("text");
  const wanted = name.value.trim();
  const taken = form.fields.value.some((field) => field === `attributes.${wanted}`);
  const add = (): void => {
    if (wanted === "" || taken) return;
    form.addAttribute(wanted, kind.value);
    name.value = "";
  };
  return (
    <fieldset class="new-attribute">
      <legend>{t("inventory.new_attribute")}</legend>
      <TextField
        label={t("inventory.attribute")}
        value={name.value}
        wrong={taken ? t("inventory.attribute_taken") : undefined}
        onText={(text) => (name.value = text)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing) return;
          event.preventDefault();
          add();
        }}
      />
      <ChoiceField
        label={t("inventory.kind")}
        value={kind.value}
        choices={(Object.keys(KINDS) as Kind[]).map((kind) => ({ value: kind, text: t(`inventory.kind_${kind}`) }))}
        onChoice={(chosen) => (kind.value = chosen)}
      />
      <Button icon="add" onClick={add}>
        {t("inventory.add_attribute")}
      </Button>
    </fieldset>
  );
}
