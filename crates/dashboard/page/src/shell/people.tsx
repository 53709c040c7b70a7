// Who else is here: initials in the bar, names and since when behind them. Programs that came with a key have an icon.

import { t } from "../i18n";
import { ago, collator } from "../i18n/format";
import { isMe } from "../live/actors";
import { type Person, people } from "../live/stock";
import { now } from "../ui/clock";
import { Icon } from "../ui/icon";
import { Menu } from "../ui/menu";

const MOST = 4;

function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? words.map((word) => [...word][0]) : [...(words[0] ?? "?")];
  return letters.slice(0, 2).join("").toUpperCase();
}

const isKey = ({ actor }: Person): boolean => actor.startsWith("key:");

/** Whoever looks comes first, then people, then programs, each by name. */
function inOrder(here: readonly Person[]): readonly Person[] {
  const rank = (person: Person): number => (isMe(person.actor) ? 0 : isKey(person) ? 2 : 1);
  return [...here].sort((a, b) => rank(a) - rank(b) || collator().compare(a.name, b.name));
}

export function People() {
  const here = inOrder([...people.state.value.rows.values()]);
  if (here.length === 0) return null;
  const face = (
    <span class="people" aria-hidden="true">
      {here.slice(0, MOST).map((person) => (
        <Avatar key={person.id} person={person} />
      ))}
      {here.length > MOST && <span class="avatar" data-initials={`+${here.length - MOST}`} />}
    </span>
  );
  return (
    <Menu label={t("connection.people_here", { count: here.length })} face={face}>
      {here.map((person) => (
        <div key={person.id} class="menu-item person" data-stays tabIndex={-1}>
          <Avatar person={person} />
          <span class="person-text">
            <span>
              {person.name} {isMe(person.actor) && <span class="quiet">({t("common.you")})</span>}
            </span>
            <span class="quiet">
              {isKey(person) && <>{t("account.here_as_key")}, </>}
              {t("account.here_since", { ago: ago(person.since, now.value) })}
            </span>
          </span>
        </div>
      ))}
    </Menu>
  );
}

/** Initials are drawn, not written: nobody calls a button by them. */
function Avatar({ person }: { person: Person }) {
  if (!isKey(person)) return <span class="avatar" aria-hidden="true" data-initials={initials(person.name)} />;
  return (
    <span class="avatar key" aria-hidden="true">
      <Icon name="key" />
    </span>
  );
}
