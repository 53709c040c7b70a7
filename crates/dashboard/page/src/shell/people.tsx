// Who else is here, as initials in the bar.

import { t } from "../i18n";
import { isMe, nameOf } from "../live/actors";
import { people } from "../live/stock";
import { Menu } from "../ui/menu";

const MOST = 4;

function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? words.map((word) => [...word][0]) : [...(words[0] ?? "?")];
  return letters.slice(0, 2).join("").toUpperCase();
}

export function People() {
  const here = [...people.state.value.rows.values()];
  if (here.length === 0) return null;
  const named = here.map((person) => ({ ...person, name: nameOf(person.actor) }));
  const face = (
    <span class="people" aria-hidden="true">
      {named.slice(0, MOST).map((person) => (
        <span key={person.actor} class="avatar">
          {initials(person.name)}
        </span>
      ))}
      {named.length > MOST && <span class="avatar">+{named.length - MOST}</span>}
    </span>
  );
  return (
    <Menu label={t("connection.people_here", { count: named.length })} face={face}>
      {named.map((person) => (
        <span key={person.actor} class="menu-item" data-stays>
          <span class="avatar" aria-hidden="true">
            {initials(person.name)}
          </span>
          {person.name}
          {isMe(person.actor) && <span class="quiet">({t("common.you")})</span>}
        </span>
      ))}
    </Menu>
  );
}
