// What it means that nobody is signed in, and the way to change that.

import { load, me } from "../../api/session";
import { t } from "../../i18n";
import { signInAddress } from "../../shell/ended";
import { useAct } from "./act";
import { Trouble } from "../../ui/trouble";
import { PermissionList } from "./permissions";

export function Nobody() {
  const act = useAct();
  const who = me.value;
  if (who === undefined) {
    const ask = (): Promise<boolean> =>
      act.run(async () => {
        await load();
      });
    return (
      <div class="notice warning row">
        <span>{t("common.unreachable")}</span>
        <button type="button" class="button small" disabled={act.busy} onClick={ask}>
          {t("common.try_again")}
        </button>
        <Trouble problem={act.wrong} />
      </div>
    );
  }
  return (
    <section class="card stack" aria-labelledby="nobody">
      <h2 id="nobody">{t("account.nobody_title")}</h2>
      <p>{t("account.nobody_text")}</p>
      {who !== null && <PermissionList permissions={who.permissions} />}
      <div>
        <a class="button primary" href={signInAddress()}>
          {t("common.sign_in")}
        </a>
      </div>
    </section>
  );
}
