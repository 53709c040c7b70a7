//! What the demo's shop sells, as tables: families of things, each in some sizes and variants. Names of suppliers are
//! made up. A family is a line: the formatter is kept away from these tables, which it would unroll.

/// Families that are bought from the same suppliers.
pub(super) struct Department {
    pub(super) name: &'static str,
    pub(super) suppliers: &'static [&'static str],
    pub(super) families: &'static [Family],
}

/// Things that differ in size and variant only.
pub(super) struct Family {
    pub(super) name: &'static str,
    /// The beginning of its skus.
    pub(super) code: &'static str,
    pub(super) unit: &'static str,
    /// How much of each there is, roughly.
    pub(super) stock: i64,
    pub(super) sizes: &'static [Size],
    pub(super) variants: &'static [Variant],
}

/// A size, with what the plain variant costs in it.
pub(super) struct Size {
    pub(super) name: &'static str,
    pub(super) cents: i64,
}

/// A variant, with its price in percent of the plain one.
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) code: &'static str,
    pub(super) percent: i64,
}

const fn of(
    name: &'static str,
    code: &'static str,
    unit: &'static str,
    stock: i64,
    sizes: &'static [Size],
    variants: &'static [Variant],
) -> Family {
    Family { name, code, unit, stock, sizes, variants }
}

const fn s(name: &'static str, cents: i64) -> Size {
    Size { name, cents }
}

const fn v(name: &'static str, code: &'static str, percent: i64) -> Variant {
    Variant { name, code, percent }
}

const ONE: &[Variant] = &[v("", "", 100)];
const METAL: &[Variant] = &[v("zinc-plated", "ZN", 100), v("stainless A2", "A2", 240)];
const WALLS: &[Variant] = &[v("single wall", "1W", 100), v("double wall", "2W", 165)];
const INKS: &[Variant] =
    &[v("blue", "BU", 100), v("black", "BK", 100), v("red", "RD", 100), v("green", "GN", 100)];
const TONERS: &[Variant] =
    &[v("black", "K", 100), v("cyan", "C", 130), v("magenta", "M", 130), v("yellow", "Y", 130)];
const LIGHT: &[Variant] = &[v("warm white", "WW", 100), v("neutral white", "NW", 100)];
const WALL_PAINT: &[Variant] =
    &[v("white", "WH", 100), v("cream", "CR", 115), v("light grey", "LG", 115), v("sage", "SG", 125)];
const ENAMEL: &[Variant] = &[
    v("RAL 9010 pure white", "9010", 100),
    v("RAL 7016 anthracite", "7016", 105),
    v("RAL 3000 flame red", "3000", 120),
    v("RAL 5010 gentian blue", "5010", 110),
    v("RAL 6005 moss green", "6005", 110),
];
const GLAZES: &[Variant] =
    &[v("white", "WH", 100), v("black", "BK", 105), v("blue", "BU", 110), v("green", "GN", 110)];

/// What a demo starts with.
pub(super) const REGULAR: &[Department] = &[
    Department {
        name: "fasteners",
        suppliers: &["Nordfix", "Brandl & Söhne", "Vitega"],
        families: FASTENERS,
    },
    Department {
        name: "electrical",
        suppliers: &["Lumetra", "Kabelwerk Aue", "Ostrava Elektro"],
        families: ELECTRICAL,
    },
    Department { name: "tools", suppliers: &["Hartmann Werkzeug", "Ironleaf", "Maruki"], families: TOOLS },
    Department { name: "paints", suppliers: &["Colorado Farben", "Linden Coatings"], families: PAINTS },
    Department { name: "office", suppliers: &["Papyra", "Schreibgut", "Office Harbour"], families: OFFICE },
    Department {
        name: "kitchen",
        suppliers: &["Casa Vetro", "Tilda Keramik", "Røst Kaffe"],
        families: KITCHEN,
    },
    Department { name: "packaging", suppliers: &["Boxwell", "Foliant Pack"], families: PACKAGING },
    Department { name: "garden", suppliers: &["Grünhain", "Willow & Wren"], families: GARDEN },
];

/// What it may take up later.
pub(super) const NEWCOMERS: &[Department] =
    &[Department { name: "seasonal", suppliers: &["Fjellheim", "Jour de Fête"], families: SEASONAL }];

#[rustfmt::skip]
const FASTENERS: &[Family] = &[
    of("Hex bolt", "BLT", "box of 100", 120, &[s("M5 × 20", 640), s("M6 × 30", 890), s("M8 × 40", 1490), s("M10 × 60", 2790), s("M12 × 80", 4590)], METAL),
    of("Hex nut", "NUT", "box of 100", 160, &[s("M5", 210), s("M6", 270), s("M8", 420), s("M10", 760), s("M12", 1180)], METAL),
    of("Washer", "WSH", "box of 200", 160, &[s("M5", 190), s("M6", 230), s("M8", 360), s("M10", 540), s("M12", 820)], METAL),
    of("Wood screw", "SCR", "box of 200", 200, &[s("3.5 × 30", 540), s("4 × 40", 690), s("4 × 50", 820), s("5 × 60", 1190), s("5 × 80", 1590), s("6 × 100", 2490)], METAL),
    of("Drywall screw", "DRY", "box of 1000", 90, &[s("3.5 × 25", 1190), s("3.5 × 35", 1390), s("3.5 × 45", 1690)], ONE),
    of("Wall plug", "PLG", "box of 100", 150, &[s("6 mm", 390), s("8 mm", 520), s("10 mm", 840), s("12 mm", 1290)], ONE),
    of("Threaded rod 1 m", "ROD", "each", 60, &[s("M6", 145), s("M8", 195), s("M10", 320), s("M12", 490)], METAL),
];

#[rustfmt::skip]
const ELECTRICAL: &[Family] = &[
    of("Installation cable", "NYM", "ring", 40, &[s("3 × 1.5", 4490), s("3 × 2.5", 6890), s("5 × 1.5", 7290), s("5 × 2.5", 11490)], &[v("50 m", "50", 100), v("100 m", "100", 192)]),
    of("Network cable Cat 6A", "NET", "each", 140, &[s("0.5 m", 340), s("1 m", 420), s("2 m", 540), s("3 m", 690), s("5 m", 940), s("10 m", 1690)], &[v("grey", "GY", 100), v("blue", "BU", 100), v("yellow", "YE", 100)]),
    of("HDMI cable", "HDM", "each", 60, &[s("1 m", 890), s("2 m", 1190), s("3 m", 1490), s("5 m", 2290)], ONE),
    of("USB-C cable", "USC", "each", 110, &[s("0.5 m", 790), s("1 m", 990), s("2 m", 1390)], &[v("60 W", "60", 100), v("100 W", "100", 150)]),
    of("Extension lead", "EXT", "each", 45, &[s("3 m", 890), s("5 m", 1190), s("10 m", 1990), s("25 m", 4490)], &[v("indoor", "IN", 100), v("rubber", "RU", 180)]),
    of("Cable tie", "TIE", "bag of 100", 200, &[s("100 × 2.5", 190), s("200 × 3.6", 390), s("300 × 4.8", 690)], &[v("black", "BK", 100), v("natural", "NA", 95)]),
    of("LED bulb E27", "LED", "each", 180, &[s("470 lm", 290), s("806 lm", 390), s("1055 lm", 590), s("1521 lm", 890)], LIGHT),
];

#[rustfmt::skip]
const TOOLS: &[Family] = &[
    of("Combination spanner", "SPN", "each", 40, &[s("8 mm", 690), s("10 mm", 750), s("13 mm", 890), s("17 mm", 1190), s("19 mm", 1290), s("22 mm", 1590)], ONE),
    of("Screwdriver", "SDR", "each", 60, &[s("PH1", 540), s("PH2", 590), s("PZ1", 540), s("PZ2", 590), s("TX20", 620), s("TX25", 640), s("SL 5.5", 490)], ONE),
    of("Engineer's hammer", "HMR", "each", 25, &[s("300 g", 1190), s("500 g", 1390), s("1000 g", 1990)], ONE),
    of("Drill bit HSS", "HSS", "each", 140, &[s("2 mm", 140), s("3 mm", 160), s("4 mm", 190), s("5 mm", 240), s("6 mm", 310), s("8 mm", 490), s("10 mm", 790)], ONE),
    of("Masonry drill bit", "MSN", "each", 80, &[s("5 mm", 290), s("6 mm", 320), s("8 mm", 410), s("10 mm", 540), s("12 mm", 690)], ONE),
    of("Pliers", "PLI", "each", 30, &[s("180 mm", 1690), s("250 mm", 2490)], &[v("combination", "CO", 100), v("side cutter", "SC", 110), v("water pump", "WP", 125)]),
    of("Tape measure", "TPM", "each", 70, &[s("3 m", 490), s("5 m", 790), s("8 m", 1290)], ONE),
    of("Sanding disc 125 mm", "SND", "pack of 25", 90, &[s("P60", 990), s("P80", 990), s("P120", 990), s("P180", 990), s("P240", 1040)], ONE),
    of("Work gloves", "GLV", "pair", 150, &[s("size 8", 390), s("size 9", 390), s("size 10", 390), s("size 11", 420)], &[v("nitrile", "NI", 100), v("leather", "LE", 240)]),
];

#[rustfmt::skip]
const PAINTS: &[Family] = &[
    of("Wall paint", "WLP", "bucket", 50, &[s("2.5 l", 1690), s("5 l", 2890), s("10 l", 4990)], WALL_PAINT),
    of("Acrylic enamel", "ENM", "tin", 35, &[s("375 ml", 1190), s("750 ml", 1990), s("2.5 l", 4990)], ENAMEL),
    of("Wood oil", "OIL", "tin", 30, &[s("0.75 l", 1890), s("2.5 l", 4790)], &[v("natural", "NA", 100), v("teak", "TE", 108), v("walnut", "WA", 112)]),
    of("Paint roller", "RLR", "each", 90, &[s("10 cm", 290), s("18 cm", 490), s("25 cm", 690)], ONE),
    of("Flat brush", "BRS", "each", 120, &[s("25 mm", 240), s("50 mm", 390), s("75 mm", 540)], ONE),
    of("Masking tape 50 m", "MSK", "roll", 220, &[s("19 mm", 240), s("25 mm", 310), s("50 mm", 540)], ONE),
];

#[rustfmt::skip]
const OFFICE: &[Family] = &[
    of("Copy paper", "PAP", "ream", 400, &[s("A4 80 g", 520), s("A4 100 g", 790), s("A3 80 g", 1090)], ONE),
    of("Ballpoint pen", "PEN", "box of 20", 120, &[s("", 590)], INKS),
    of("Whiteboard marker", "WBM", "each", 160, &[s("2 mm", 150)], INKS),
    of("Lever arch file", "LAF", "each", 180, &[s("50 mm", 240), s("80 mm", 260)], &[v("black", "BK", 100), v("blue", "BU", 100), v("red", "RD", 100), v("grey", "GY", 100)]),
    of("Sticky notes", "STK", "pack of 12", 110, &[s("38 × 51", 490), s("76 × 76", 890), s("76 × 127", 1190)], &[v("yellow", "YE", 100), v("mixed colours", "MX", 120)]),
    of("Envelope", "ENV", "box of 500", 60, &[s("C6", 1290), s("DL", 1390), s("C5", 1890), s("C4", 3290)], &[v("plain", "PL", 100), v("window", "WI", 108)]),
    of("Toner cartridge", "TNR", "each", 24, &[s("T-220", 6490), s("T-410", 8990)], TONERS),
];

#[rustfmt::skip]
const KITCHEN: &[Family] = &[
    of("Coffee mug", "MUG", "each", 160, &[s("250 ml", 490), s("350 ml", 620)], GLAZES),
    of("Dinner plate", "PLT", "each", 120, &[s("20 cm", 490), s("24 cm", 690), s("27 cm", 890)], &[v("white", "WH", 100), v("stoneware grey", "SG", 135)]),
    of("Water glass", "GLS", "set of 6", 70, &[s("20 cl", 890), s("30 cl", 1090), s("40 cl", 1390)], ONE),
    of("Chef's knife", "KNF", "each", 25, &[s("16 cm", 2990), s("20 cm", 3990), s("24 cm", 4990)], ONE),
    of("Frying pan", "PAN", "each", 40, &[s("20 cm", 1990), s("24 cm", 2690), s("28 cm", 3390)], &[v("non-stick", "NS", 100), v("cast iron", "CI", 140), v("steel", "ST", 160)]),
    of("Glass storage box", "BOX", "each", 90, &[s("0.4 l", 490), s("0.8 l", 690), s("1.5 l", 990)], ONE),
    of("Coffee beans", "COF", "bag", 240, &[s("250 g", 490), s("500 g", 890), s("1 kg", 1590)], &[v("espresso", "ES", 100), v("filter", "FI", 100), v("decaf", "DE", 115)]),
    of("Dishwasher tablets", "DWT", "box", 130, &[s("40 pieces", 690), s("80 pieces", 1190)], ONE),
];

#[rustfmt::skip]
const PACKAGING: &[Family] = &[
    of("Shipping carton", "CTN", "bundle of 20", 150, &[s("20 × 15 × 10", 890), s("30 × 20 × 15", 1290), s("40 × 30 × 20", 1890), s("60 × 30 × 30", 2790), s("60 × 40 × 40", 3490)], WALLS),
    of("Bubble wrap 50 m", "BUB", "roll", 60, &[s("30 cm", 1190), s("50 cm", 1690), s("100 cm", 2890)], ONE),
    of("Packing tape 66 m", "TAP", "roll", 360, &[s("50 mm", 190)], &[v("clear", "CL", 100), v("brown", "BR", 100), v("fragile", "FR", 160)]),
    of("Waste bag", "BAG", "roll", 180, &[s("35 l", 240), s("60 l", 340), s("120 l", 590)], &[v("light", "LI", 100), v("heavy duty", "HD", 170)]),
    of("All-purpose cleaner", "CLN", "canister", 70, &[s("1 l", 390), s("5 l", 1290), s("10 l", 2190)], &[v("citrus", "CI", 100), v("neutral", "NE", 95)]),
    of("Microfibre cloth", "MFC", "pack of 10", 140, &[s("40 × 40", 790)], INKS),
    of("Stretch film", "STF", "roll", 90, &[s("23 µm", 890), s("17 µm", 690)], ONE),
];

#[rustfmt::skip]
const GARDEN: &[Family] = &[
    of("Potting soil", "SOI", "bag", 130, &[s("20 l", 490), s("40 l", 790), s("70 l", 1190)], ONE),
    of("Terracotta pot", "POT", "each", 110, &[s("⌀ 10 cm", 190), s("⌀ 14 cm", 290), s("⌀ 18 cm", 490), s("⌀ 24 cm", 890)], ONE),
    of("Garden hose ½ inch", "HOS", "each", 35, &[s("15 m", 1490), s("25 m", 2290), s("50 m", 3990)], ONE),
    of("Secateurs", "SEC", "each", 40, &[s("", 1990)], &[v("bypass", "BY", 100), v("anvil", "AN", 90)]),
    of("Plant fertiliser", "FER", "bottle", 80, &[s("0.5 l", 490), s("1 l", 790)], &[v("green plants", "GP", 100), v("tomatoes", "TO", 115)]),
];

#[rustfmt::skip]
const SEASONAL: &[Family] = &[
    of("Fairy lights", "FLT", "each", 90, &[s("5 m", 990), s("10 m", 1690)], LIGHT),
    of("Beeswax candle", "CAN", "box of 10", 70, &[s("15 cm", 1290), s("25 cm", 1690)], ONE),
    of("Snow shovel", "SNW", "each", 40, &[s("40 cm", 1990), s("55 cm", 2690)], ONE),
    of("Road salt", "SLT", "bag", 120, &[s("10 kg", 690), s("25 kg", 1290)], ONE),
    of("Gift wrap 5 m", "GFT", "roll", 150, &[s("70 cm", 390)], GLAZES),
    of("Picnic blanket", "PIC", "each", 50, &[s("150 × 200", 2490)], INKS),
    of("Charcoal", "CHR", "bag", 140, &[s("3 kg", 590), s("10 kg", 1490)], ONE),
];
