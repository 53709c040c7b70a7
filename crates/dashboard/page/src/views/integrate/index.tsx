// How a program comes to the same data: where the documentation is, a key, and examples that work as they are pasted.

import "./integrate.css";
import { useComputed } from "@preact/signals";
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { may, me } from "../../api/session";
import { t } from "../../i18n";
import { items } from "../../live/stock";
import { Button } from "../../ui/button";
import { CopyField } from "../../ui/copy-field";
import { NewKey } from "../account/new-key";
import { changeExample, eventsExample, type Place, pollExample, readExample, socketExample } from "./examples";

/** The id of an item that there is. */
function anItem(): number {
  for (const { id } of items.state.value.rows.values()) return id;
  return 1;
}

export function Integrate() {
  // A signal of its own: the examples aren't drawn again with every change of the stock.
  const item = useComputed(anItem);
  const place = { origin: location.origin, item: item.value, needsKey: me.value?.login != null };
  return (
    <div class="view integrate">
      <h1>{t("integrate.title")}</h1>
      <p>{t("integrate.intro")}</p>
      <ul class="row integrate-links">
        <li>
          <a href="/docs/">{t("integrate.docs")}</a>
        </li>
        <li>
          <a href="/api/v1/openapi.json">{t("integrate.openapi")}</a>
        </li>
        <li>
          <a href="/basic">{t("integrate.plain")}</a>
        </li>
      </ul>
      <KeySection needsKey={place.needsKey} />
      <Examples place={place} />
    </div>
  );
}

function KeySection({ needsKey }: { needsKey: boolean }) {
  const [isMaking, setIsMaking] = useState(false);
  return (
    <section class="card stack" aria-labelledby="integrate-key">
      <h2 id="integrate-key">{t("integrate.key_title")}</h2>
      <p>{t(needsKey ? "integrate.key_text" : "integrate.key_free")}</p>
      {needsKey && !may("keys") && <p class="notice">{t("integrate.key_ask")}</p>}
      {needsKey && may("keys") && (
        <div class="row">
          <Button kind="primary" icon="key" onClick={() => setIsMaking(true)}>
            {t("account.new_key")}
          </Button>
          <Link href="/account/keys">{t("integrate.key_all")}</Link>
        </div>
      )}
      {needsKey && <CopyField label={t("integrate.key_set")} text="export STOCKWIRE_KEY=sw_…" />}
      {isMaking && <NewKey onClose={() => setIsMaking(false)} onMade={() => undefined} />}
    </section>
  );
}

function Examples({ place }: { place: Place }) {
  return (
    <>
      <section class="card stack" aria-labelledby="integrate-rest">
        <h2 id="integrate-rest">{t("integrate.rest_title")}</h2>
        <p>{t("integrate.rest_text")}</p>
        <CopyField label={t("integrate.rest_read")} text={readExample(place)} />
        <CopyField label={t("integrate.rest_change")} text={changeExample(place)} />
      </section>
      <section class="card stack" aria-labelledby="integrate-stream">
        <h2 id="integrate-stream">{t("integrate.stream_title")}</h2>
        <p>{t("integrate.stream_text")}</p>
        <CopyField label={t("integrate.stream_events")} text={eventsExample(place)} />
        <CopyField label={t("integrate.stream_socket")} text={socketExample(place)} />
        <CopyField label={t("integrate.stream_poll")} text={pollExample(place)} />
      </section>
    </>
  );
}
