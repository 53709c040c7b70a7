// Whoever is here: who they are, where they are signed in, their keys; and for owners the users, the rules and the audit trail.

import "./account.css";
import { Link, useLocation } from "wouter-preact";
import { type Permission, may, me } from "../../api/session";
import { type Key, t } from "../../i18n";
import { Audit } from "./audit";
import { Devices } from "./devices";
import { Keys } from "./keys";
import { Nobody } from "./nobody";
import { Profile } from "./profile";
import { Rules } from "./rules";
import { Users } from "./users";

interface Part {
  readonly name: string;
  readonly text: Key;
  readonly needs?: Permission;
  /** Keys have none of it. */
  readonly forUsers?: boolean;
}

const PARTS: readonly Part[] = [
  { name: "", text: "account.part_me" },
  { name: "devices", text: "account.part_devices", forUsers: true },
  { name: "keys", text: "account.part_keys", needs: "keys" },
  { name: "users", text: "account.part_users", needs: "users" },
  { name: "rules", text: "account.part_rules", forUsers: true },
  { name: "audit", text: "account.part_audit", needs: "users" },
];

function isOffered({ needs, forUsers }: Part): boolean {
  if (needs !== undefined && !may(needs)) return false;
  return !forUsers || me.value?.login != null;
}

export function Account() {
  const [location] = useLocation();
  const name = location.split("/")[2] ?? "";
  const part = PARTS.find((part) => part.name === name);
  return (
    <div class="view account">
      <h1>{t("account.title")}</h1>
      <nav class="account-tabs" aria-label={t("account.parts")}>
        {PARTS.filter(isOffered).map((other) => (
          <Link
            key={other.name}
            href={other.name === "" ? "/account" : `/account/${other.name}`}
            class="account-tab"
            aria-current={other === part ? "page" : undefined}
          >
            {t(other.text)}
          </Link>
        ))}
      </nav>
      {part === undefined ? (
        <p class="empty">{t("common.not_found")}</p>
      ) : isOffered(part) ? (
        <Shown name={part.name} />
      ) : (
        <Refused needs={part.needs} />
      )}
    </div>
  );
}

function Shown({ name }: { name: string }) {
  switch (name) {
    case "devices":
      return <Devices />;
    case "keys":
      return <Keys />;
    case "users":
      return <Users />;
    case "rules":
      return <Rules />;
    case "audit":
      return <Audit />;
    default:
      return me.value?.login == null ? <Nobody /> : <Profile />;
  }
}

/** A link led here that is for others. */
function Refused({ needs }: { needs: Permission | undefined }) {
  if (me.value?.login == null) return <Nobody />;
  return <p class="notice">{t(needs === "keys" ? "account.for_managers" : "account.for_owners")}</p>;
}
