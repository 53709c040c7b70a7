// Takes the curve out of the page: its points as CSV, the drawing as PNG.

import { t } from "../../i18n";
import { csv, download, fileName, png } from "../../ui/chart/export";
import { coloursOf } from "../../ui/chart/colours";
import { Icon } from "../../ui/icon";
import { Menu } from "../../ui/menu";
import type { Series } from "./series";
import { failed } from "../../ui/trouble";

interface Props {
  series: Series | undefined;
  title: string;
  name: string;
  canvas: HTMLCanvasElement | undefined;
}

const COLUMNS = ["at", "first", "low", "high", "last", "changes"] as const;

/** The points as they are: exact values, times in UTC, column names that programs know. */
export function seriesCsv(series: Series): Blob {
  const rows = series.points.map((point) => COLUMNS.map((column) => point[column]));
  if (series.before === null) return csv(COLUMNS, rows);
  const { since, before } = series;
  return csv(COLUMNS, [[since, before, before, before, before, 0], ...rows]);
}

export function CurveExport({ series, title, name, canvas }: Props) {
  if (series === undefined) return null;
  const file = (ending: string): string =>
    `${fileName(name, series.measure, series.since.slice(0, 10), series.until.slice(0, 10))}.${ending}`;
  const picture = async (): Promise<void> => {
    if (canvas === undefined) return;
    try {
      const colours = coloursOf(document.body);
      download(file("png"), await png(canvas, title, { ground: colours.surface, text: colours.text }));
    } catch (error) {
      failed(error);
    }
  };
  return (
    <Menu label={t("item.export")} icon="download">
      <button type="button" class="menu-item" onClick={() => download(file("csv"), seriesCsv(series))}>
        <Icon name="columns" />
        {t("item.export_csv")}
      </button>
      <button type="button" class="menu-item" onClick={picture}>
        <Icon name="chart" />
        {t("item.export_png")}
      </button>
    </Menu>
  );
}
