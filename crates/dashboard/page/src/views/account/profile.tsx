// Who is signed in, what they may do, their password, and the way out.

import { useState } from "preact/hooks";
import { api, good } from "../../api/client";
import { me } from "../../api/session";
import { t } from "../../i18n";
import { signOut } from "../../shell/leaving";
import { Button } from "../../ui/button";
import { TextField } from "../../ui/field";
import { toast } from "../../ui/toasts";
import { useAct } from "./act";
import { Trouble } from "../../ui/trouble";
import { PermissionList } from "./permissions";

export function Profile() {
  const act = useAct();
  const who = me.value;
  if (who == null) return null;
  return (
    <div class="account-columns">
      <section class="card stack" aria-labelledby="who">
        <h2 id="who">{who.name ?? who.actor}</h2>
        <dl class="account-facts">
          {who.email !== null && (
            <>
              <dt>{t("account.email")}</dt>
              <dd>{who.email}</dd>
            </>
          )}
          <dt>{t("account.recorded_as")}</dt>
          <dd class="mono">{who.actor}</dd>
        </dl>
        <h3>{t("account.may")}</h3>
        <PermissionList permissions={who.permissions} />
        <div>
          <Button disabled={act.busy} onClick={() => act.run(signOut)}>
            {t("common.sign_out")}
          </Button>
        </div>
        <Trouble problem={act.wrong} />
      </section>
      <ChangePassword email={who.email} />
    </div>
  );
}

const SHORTEST = 10;

function ChangePassword({ email }: { email: string | null }) {
  const [current, setCurrent] = useState("");
  const [chosen, setChosen] = useState("");
  const [repeated, setRepeated] = useState("");
  const [tried, setTried] = useState(false);
  const act = useAct();
  const short = [...chosen].length < SHORTEST;
  const differs = chosen !== repeated;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setTried(true);
    if (short || differs || current === "") return;
    const done = await act.run(async () => {
      await good(api.PUT("/api/v1/me/password", { body: { current, new: chosen } }));
    });
    if (!done) return;
    for (const clear of [setCurrent, setChosen, setRepeated]) clear("");
    setTried(false);
    toast({ text: t("account.password_changed"), kind: "good" });
  };
  const wrong = act.wrong;
  const isCurrent = wrong?.code === "wrong_credentials";
  const missing = tried && current === "" ? t("account.password_missing") : undefined;
  const wait = wrong?.retryAfter;
  return (
    <form class="card stack" aria-labelledby="password" noValidate onSubmit={submit}>
      <h2 id="password">{t("account.change_password")}</h2>
      <p class="quiet">{t("account.change_password_text")}</p>
      <input
        class="hidden"
        type="email"
        autocomplete="username"
        value={email ?? ""}
        readOnly
        tabIndex={-1}
        aria-hidden="true"
      />
      <TextField
        label={t("account.password_current")}
        type="password"
        autocomplete="current-password"
        maxLength={256}
        value={current}
        onText={setCurrent}
        wrong={isCurrent ? t("account.password_wrong") : missing}
      />
      <TextField
        label={t("account.password_new")}
        hint={t("account.password_rules")}
        type="password"
        autocomplete="new-password"
        maxLength={256}
        value={chosen}
        onText={setChosen}
        wrong={tried && short ? t("account.password_short") : wrong?.of("new")}
      />
      <TextField
        label={t("account.password_again")}
        type="password"
        autocomplete="new-password"
        maxLength={256}
        value={repeated}
        onText={setRepeated}
        wrong={tried && !short && differs ? t("account.password_differs") : undefined}
      />
      {wait !== undefined ? (
        <p class="notice danger" role="alert">
          {t("account.too_many_tries", { seconds: wait })}
        </p>
      ) : (
        <Trouble problem={isCurrent ? undefined : wrong} />
      )}
      <div>
        <Button type="submit" kind="primary" disabled={act.busy}>
          {t("account.change_password")}
        </Button>
      </div>
    </form>
  );
}
