// The fields of an item as columns of a file: which there are, and which one a header means, in the page's languages.

/** A column is about a field, an attribute, or nothing. */
export type Target =
  | Field
  | "ignore"
  /** The cell is the text. */
  | `text:${string}`
  /** The cell is JSON: numbers, true and false, lists, texts in quotes. */
  | `json:${string}`;

export const FIELDS = ["id", "sku", "name", "description", "quantity", "unit", "price", "reorder_point"] as const;
export type Field = (typeof FIELDS)[number];
export const NUMBERS: ReadonlySet<Target> = new Set<Target>(["id", "quantity", "reorder_point", "price"]);

/** Fields that an item may be without. */
export const CLEARABLE: ReadonlySet<Target> = new Set<Target>(["sku", "description", "price", "reorder_point"]);

/** What headers are called, without spaces, marks and capitals. */
const HEADERS: Record<Field, readonly string[]> = {
  id: ["id", "itemid", "stockwireid", "编号", "品目id"],
  sku: [
    "sku",
    "articleno",
    "articlenumber",
    "itemno",
    "itemnumber",
    "itemcode",
    "code",
    "partno",
    "partnumber",
    "productcode",
    "货号",
    "商品编码",
    "商品编号",
    "物料编码",
    "品番",
    "商品コード",
    "品目コード",
    "型番",
  ],
  name: [
    "name",
    "itemname",
    "productname",
    "product",
    "article",
    "title",
    "item",
    "名称",
    "品名",
    "商品名称",
    "商品名",
    "品目名",
    "製品名",
    "名前",
  ],
  description: [
    "description",
    "details",
    "longtext",
    "text",
    "note",
    "notes",
    "描述",
    "说明",
    "备注",
    "商品描述",
    "説明",
    "商品説明",
    "備考",
    "摘要",
  ],
  quantity: [
    "quantity",
    "qty",
    "stock",
    "onhand",
    "instock",
    "stockquantity",
    "amount",
    "count",
    "inventory",
    "数量",
    "库存",
    "库存数量",
    "現在庫",
    "在庫",
    "在庫数",
    "在庫数量",
  ],
  unit: ["unit", "uom", "unitofmeasure", "units", "单位", "计量单位", "単位"],
  price: ["price", "unitprice", "cost", "unitcost", "单价", "价格", "単価", "価格", "金額"],
  reorder_point: [
    "reorderpoint",
    "reorderlevel",
    "reorder",
    "minstock",
    "minimum",
    "min",
    "minimumstock",
    "minquantity",
    "safetystock",
    "补货点",
    "再订货点",
    "安全库存",
    "最低库存",
    "発注点",
    "安全在庫",
    "最低在庫",
  ],
};

const JSON_MARK = /\s*\(json\)$/i;

function plain(header: string): string {
  return header
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s_\-./()#:]+/g, "");
}

/** What an attribute's column is called in an export. */
export function attributeHeader(name: string, isJson: boolean): string {
  return isJson ? `attributes.${name} (JSON)` : `attributes.${name}`;
}

function guessOne(header: string): Target {
  const attribute = /^attributes\.(.+)$/is.exec(header.trim())?.[1];
  if (attribute !== undefined) {
    return JSON_MARK.test(attribute) ? `json:${attribute.replace(JSON_MARK, "")}` : `text:${attribute}`;
  }
  const name = plain(header);
  return FIELDS.find((field) => HEADERS[field].includes(name)) ?? "ignore";
}

/** What each column is about, as far as its header says. What an earlier column is about already, no later one is. */
export function guess(headers: readonly string[]): Target[] {
  const taken = new Set<Target>();
  return headers.map((header) => {
    const target = guessOne(header);
    if (target === "ignore" || taken.has(target)) return "ignore";
    taken.add(target);
    return target;
  });
}
