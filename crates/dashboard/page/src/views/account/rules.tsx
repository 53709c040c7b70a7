// What holds for everybody of the tenant: whether one may be signed in on several devices.

import { useState } from "preact/hooks";
import { api, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { toast } from "../../ui/toasts";
import { useAct } from "./act";
import { PagedFoot, usePaged } from "../../ui/paged";
import { Trouble } from "../../ui/trouble";

type Settings = components["schemas"]["TenantSettings"];
type Policy = Settings["session_policy"];
const POLICIES: readonly Policy[] = ["single", "multiple"];

export function readSettings(): Promise<Settings> {
  return good(api.GET("/api/v1/settings"));
}

export function Rules() {
  const settings = usePaged("rules", async () => ({ data: [await readSettings()], next_cursor: null }));
  const [chosen, setChosen] = useState<Policy>();
  const act = useAct();
  const [held] = settings.rows;
  if (held === undefined) return <PagedFoot list={settings} empty="" />;
  const policy = chosen ?? held.session_policy;
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const done = await act.run(async () => {
      await good(api.PATCH("/api/v1/settings", { body: { session_policy: policy } }));
    });
    if (!done) return;
    toast({ text: t("account.rules_saved"), kind: "good" });
    settings.reload();
  };
  return (
    <form class="card stack" onSubmit={save}>
      <dl class="account-facts">
        <dt>{t("account.tenant")}</dt>
        <dd>{held.tenant}</dd>
      </dl>
      <fieldset class="account-choices" disabled={!may("users")}>
        <legend>{t("account.policy")}</legend>
        {POLICIES.map((other) => (
          <label key={other} class="account-choice">
            <input type="radio" name="policy" checked={policy === other} onChange={() => setChosen(other)} />
            <span>
              <strong>{t(`account.policy_${other}`)}</strong>
              <span class="quiet">{t(`account.policy_${other}_text`)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {may("users") ? (
        <>
          <p class="quiet">{t("account.policy_from")}</p>
          <div>
            <Button type="submit" kind="primary" disabled={act.busy || policy === held.session_policy}>
              {t("common.save")}
            </Button>
          </div>
        </>
      ) : (
        <p class="quiet">{t("account.policy_by_owners")}</p>
      )}
      <Trouble problem={act.wrong} />
    </form>
  );
}
