// The frame around every view: where one can go, how the connection is, who is here, and the settings of this browser.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { isVisitor } from "../api/session";
import { chooseLanguage, LANGUAGES, language, t } from "../i18n";
import { Bell } from "../views/notifications/bell";
import { Icon, type IconName } from "../ui/icon";
import { Menu } from "../ui/menu";
import { chooseTheme, THEMES, theme } from "../ui/theme";
import { isOver, signInAddress } from "./ended";
import { People } from "./people";
import { StaleBar, StatusPill } from "./status";

interface Place {
  readonly path: string;
  readonly icon: IconName;
  readonly text: () => string;
  /** Where there is little room, the menu of settings leads there. */
  readonly isWideOnly?: boolean;
}

const PLACES: readonly Place[] = [
  { path: "/", icon: "box", text: () => t("inventory.title") },
  { path: "/overview", icon: "chart", text: () => t("overview.title") },
  { path: "/monitors", icon: "monitor", text: () => t("monitors.title") },
  // The bell leads there, too.
  { path: "/notifications", icon: "bell", text: () => t("notifications.title"), isWideOnly: true },
  { path: "/import", icon: "transfer", text: () => t("transfer.nav") },
  { path: "/account", icon: "user", text: () => t("account.title") },
  { path: "/integrate", icon: "code", text: () => t("integrate.title"), isWideOnly: true },
];

function isAt(path: string, location: string): boolean {
  if (path === "/") return location === "/" || location.startsWith("/items");
  return location === path || location.startsWith(`${path}/`);
}

export function Shell({ children }: { children: ComponentChildren }) {
  const [location] = useLocation();
  const content = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    // Whoever goes elsewhere by keyboard is taken there.
    if (!first.current) content.current?.focus({ preventScroll: true });
    first.current = false;
  }, [location]);
  return (
    <div class="shell">
      <a class="button skip" href="#content">
        {t("common.skip")}
      </a>
      <nav class="shell-nav" aria-label={t("common.main_navigation")}>
        <Link href="/" class="brand">
          <img src="/icon.svg" alt="" />
          {t("common.product")}
        </Link>
        <ul>
          {PLACES.map(({ path, icon, text, isWideOnly }) => (
            <li key={path} class={isWideOnly ? "wide-only" : undefined}>
              <Link href={path} class="nav-link" aria-current={isAt(path, location) ? "page" : undefined}>
                <Icon name={icon} />
                {text()}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <header class="shell-bar">
        <StatusPill />
        {!isOver.value && <People />}
        {!isOver.value && <Bell />}
        <Preferences />
      </header>
      <main ref={content} id="content" class="shell-content" tabIndex={-1}>
        <StaleBar />
        {children}
      </main>
    </div>
  );
}

function Preferences() {
  return (
    <Menu label={t("common.settings")} icon="more">
      <fieldset class="menu-group">
        <legend>{t("common.language")}</legend>
        {LANGUAGES.map(({ code, name }) => (
          <label key={code} class="check menu-choice" lang={code}>
            <input
              type="radio"
              name="language"
              checked={language.value === code}
              onChange={() => chooseLanguage(code)}
            />
            {name}
          </label>
        ))}
      </fieldset>
      <fieldset class="menu-group">
        <legend>{t("common.theme")}</legend>
        {THEMES.map((choice) => (
          <label key={choice} class="check menu-choice">
            <input type="radio" name="theme" checked={theme.value === choice} onChange={() => chooseTheme(choice)} />
            {t(`common.theme_${choice}`)}
          </label>
        ))}
      </fieldset>
      <Link class="menu-item" href="/integrate">
        {t("integrate.title")}
      </Link>
      <a class="menu-item" href="/docs/">
        {t("common.api_docs")}
      </a>
      {isVisitor() && (
        <a class="menu-item" href={signInAddress()}>
          {t("common.sign_in")}
        </a>
      )}
    </Menu>
  );
}
