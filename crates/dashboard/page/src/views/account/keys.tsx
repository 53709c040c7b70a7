// API keys: what there is, and the way to revoke one. Keys themselves are only seen when they are made.

import { useState } from "preact/hooks";
import { api, good, reasonHeader } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { t } from "../../i18n";
import { ago, day, moment } from "../../i18n/format";
import { nameOf } from "../../live/actors";
import { Button } from "../../ui/button";
import { now } from "../../ui/clock";
import { Check } from "../../ui/field";
import { toast } from "../../ui/toasts";
import { Confirm } from "./confirm";
import { NewKey } from "./new-key";
import { PagedFoot, usePaged } from "../../ui/paged";

type ApiKey = components["schemas"]["ApiKey"];
type State = "active" | "expired" | "revoked";

function stateOf(key: ApiKey): State {
  if (key.revoked_at !== null) return "revoked";
  return key.expires_at !== null && Date.parse(key.expires_at) <= now.value ? "expired" : "active";
}

export function Keys() {
  const keys = usePaged("keys", (after) =>
    good(api.GET("/api/v1/api-keys", { params: { query: { limit: 200, ...(after !== undefined && { after }) } } })),
  );
  const [isMaking, setIsMaking] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey>();
  const [showsAll, setShowsAll] = useState(false);
  const shown = keys.rows.filter((key) => showsAll || stateOf(key) === "active");
  const revoke = async (key: ApiKey, reason: string): Promise<void> => {
    const params = { path: { id: key.id }, header: reasonHeader(reason) };
    await good(api.DELETE("/api/v1/api-keys/{id}", { params }));
    toast({ text: t("account.key_revoked", { name: key.name }), kind: "good" });
    keys.reload();
  };
  return (
    <section class="stack" aria-labelledby="keys">
      <div class="row spread">
        <h2 id="keys">{t("account.part_keys")}</h2>
        <Button kind="primary" icon="add" onClick={() => setIsMaking(true)}>
          {t("account.new_key")}
        </Button>
      </div>
      <p class="quiet">{t("account.keys_text")}</p>
      <Check label={t("account.keys_all")} checked={showsAll} onCheck={setShowsAll} />
      {shown.length > 0 && (
        <div class="table-scroll">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">{t("account.key_name")}</th>
                <th scope="col">{t("account.may")}</th>
                <th scope="col">{t("account.key_from")}</th>
                <th scope="col">{t("account.key_used")}</th>
                <th scope="col">{t("account.key_ends")}</th>
                <th scope="col">{t("account.key_made")}</th>
                <th scope="col">
                  <span class="hidden">{t("common.more")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((key) => (
                <KeyRow key={key.id} apiKey={key} onRevoke={() => setRevoking(key)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <PagedFoot list={shown.length > 0 ? keys : { ...keys, rows: [] }} empty={t("account.keys_none")} />
      {isMaking && <NewKey onClose={() => setIsMaking(false)} onMade={keys.reload} />}
      {revoking !== undefined && (
        <Confirm
          title={t("account.revoke_title", { name: revoking.name })}
          action={t("account.revoke")}
          danger
          onConfirm={(reason) => revoke(revoking, reason)}
          onClose={() => setRevoking(undefined)}
        >
          <p>{t("account.revoke_text")}</p>
        </Confirm>
      )}
    </section>
  );
}

function KeyRow({ apiKey, onRevoke }: { apiKey: ApiKey; onRevoke: () => void }) {
  const state = stateOf(apiKey);
  return (
    <tr>
      <th scope="row" class="key-name">
        {apiKey.name}
        <span class="mono quiet">sw_{apiKey.prefix}_…</span>
      </th>
      <td>{apiKey.scopes.join(", ")}</td>
      <td class="mono">{apiKey.addresses.length === 0 ? t("account.key_anywhere") : apiKey.addresses.join(", ")}</td>
      <td title={apiKey.last_used_at === null ? undefined : moment(apiKey.last_used_at)}>
        {apiKey.last_used_at === null ? t("account.never") : ago(apiKey.last_used_at, now.value)}
      </td>
      <td>
        {state === "active" ? (
          <>{apiKey.expires_at === null ? t("account.never") : moment(apiKey.expires_at)}</>
        ) : (
          <span class="badge danger">{t(`account.key_${state === "revoked" ? "is_revoked" : "expired"}`)}</span>
        )}
      </td>
      <td>
        {day(apiKey.created_at)}
        <br />
        {t("common.by", { who: nameOf(apiKey.created_by) })}
      </td>
      <td>
        {state !== "revoked" && (
          <Button small onClick={onRevoke} aria-label={t("account.revoke_title", { name: apiKey.name })}>
            {t("account.revoke")}
          </Button>
        )}
      </td>
    </tr>
  );
}
