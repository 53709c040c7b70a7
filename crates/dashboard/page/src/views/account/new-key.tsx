// Makes an API key, and shows it once. It is nowhere in this page but in the dialog, and gone with it.

import { useState } from "preact/hooks";
import { type ApiProblem, api, good } from "../../api/client";
import { may, type Permission } from "../../api/session";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { CopyField } from "../../ui/copy-field";
import { Dialog } from "../../ui/dialog";
import { Check, ChoiceField, Field, TextField } from "../../ui/field";
import { useAct } from "./act";
import { type End, END_CHOICES, endOf } from "./key-end";
import { Trouble } from "../../ui/trouble";
import { PERMISSION_TEXT } from "./permissions";

/** What a key can be given; no program manages accounts. */
const SCOPES: readonly Permission[] = ["read", "stock", "items", "monitors"];

interface Made {
  readonly name: string;
  readonly key: string;
}

export function NewKey({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const [made, setMade] = useState<Made>();
  if (made !== undefined) return <ShownOnce made={made} onClose={onClose} />;
  return (
    <Form
      onClose={onClose}
      onMade={(made) => {
        setMade(made);
        onMade();
      }}
    />
  );
}

/** What is wrong with a list's entries. */
function wrongWith(problem: ApiProblem | undefined, list: string): string | undefined {
  const found = problem?.errors.filter(({ pointer }) => pointer === `/${list}` || pointer.startsWith(`/${list}/`));
  if (found === undefined || found.length === 0) return undefined;
  return found
    .map(({ pointer, detail }) => {
      const place = Number(pointer.split("/")[2]);
      return Number.isNaN(place) ? detail : `${place + 1}: ${detail}`;
    })
    .join("; ");
}

function Form({ onClose, onMade }: { onClose: () => void; onMade: (made: Made) => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Permission[]>(["read"]);
  const [end, setEnd] = useState<End>("days_365");
  const [date, setDate] = useState("");
  const [addresses, setAddresses] = useState("");
  const [tried, setTried] = useState(false);
  const act = useAct();
  const expires = endOf(end, date, Date.now());
  const submit = async (): Promise<void> => {
    setTried(true);
    if (name.trim() === "" || scopes.length === 0 || expires === undefined) return;
    const networks = addresses.split(/[\s,]+/).filter(Boolean);
    const body = {
      name,
      scopes: [...scopes],
      ...(expires !== null && { expires_at: expires }),
      ...(networks.length > 0 && { addresses: networks }),
    };
    await act.run(async () => onMade(await good(api.POST("/api/v1/api-keys", { body }))));
  };
  const wrong = act.wrong;
  const isPlaced = wrong !== undefined && wrong.errors.length > 0;
  return (
    <Dialog
      title={t("account.new_key")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary" disabled={act.busy}>
            {t("account.make_key")}
          </Button>
        </>
      }
    >
      <TextField
        label={t("account.key_name")}
        hint={t("account.key_name_hint")}
        value={name}
        maxLength={200}
        onText={setName}
        wrong={tried && name.trim() === "" ? t("account.name_missing") : wrong?.of("name")}
      />
      <fieldset class="account-choices">
        <legend>{t("account.may")}</legend>
        {SCOPES.filter(may).map((scope) => (
          <Check
            key={scope}
            label={`${t(PERMISSION_TEXT[scope])} (${scope})`}
            checked={scopes.includes(scope)}
            onCheck={(on) => setScopes(SCOPES.filter((other) => (other === scope ? on : scopes.includes(other))))}
          />
        ))}
        {tried && scopes.length === 0 && (
          <span class="wrong" role="alert">
            {t("account.scopes_missing")}
          </span>
        )}
      </fieldset>
      <ChoiceField
        label={t("account.key_ends")}
        value={end}
        choices={END_CHOICES.map((value) => ({ value, text: t(`account.end_${value}`) }))}
        onChoice={setEnd}
        wrong={wrong?.of("expires_at")}
      />
      {end === "date" && (
        <TextField
          label={t("account.key_end_date")}
          type="datetime-local"
          value={date}
          onText={setDate}
          wrong={tried && expires === undefined ? t("account.end_past") : undefined}
        />
      )}
      <Field
        label={`${t("account.key_from")} (${t("common.optional")})`}
        hint={t("account.key_from_hint")}
        wrong={wrongWith(wrong, "addresses")}
      >
        {(given) => (
          <textarea
            {...given}
            class="input mono"
            rows={3}
            spellcheck={false}
            value={addresses}
            onInput={(event) => setAddresses(event.currentTarget.value)}
          />
        )}
      </Field>
      <Trouble problem={isPlaced ? undefined : wrong} />
    </Dialog>
  );
}

function ShownOnce({ made, onClose }: { made: Made; onClose: () => void }) {
  const example = `curl -H "Authorization: Bearer ${made.key}" \\\n  "${location.origin}/api/v1/items?limit=3"`;
  return (
    <Dialog
      final
      title={t("account.key_made_title", { name: made.name })}
      onClose={onClose}
      actions={
        <Button kind="primary" onClick={onClose}>
          {t("account.key_stored")}
        </Button>
      }
    >
      <p class="notice warning">{t("account.key_once")}</p>
      <CopyField label={t("account.key")} text={made.key} lines={2} />
      <CopyField label={t("account.key_example")} text={example} lines={4} />
    </Dialog>
  );
}
