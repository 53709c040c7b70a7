// The page's icons: lines in a square of 24. They are decoration; what has only an icon needs a label of its own.

const PATHS = {
  add: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  alert: "M12 9v4m0 4h.01M10.3 4 2.6 18a2 2 0 0 0 1.7 3h15.4a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0Z",
  back: "M19 12H5m7 7-7-7 7-7",
  bell: "M18 9a6 6 0 1 0-12 0c0 6-2.5 7.5-2.5 7.5h17S18 15 18 9ZM10 20a2 2 0 0 0 4 0",
  box: "m12 3 8 4.5v9L12 21l-8-4.5v-9L12 3Zm0 9 8-4.5M12 12v9M12 12 4 7.5",
  chart: "M4 20V10m6 10V4m6 16v-7m4 7H2",
  check: "m5 12.5 4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6 6 18",
  code: "m8 7-5 5 5 5m8-10 5 5-5 5",
  columns: "M4 5h16v14H4zM9.5 5v14M15 5v14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  down: "m6 9 6 6 6-6",
  up: "m6 15 6-6 6 6",
  download: "M12 4v11m-5-5 5 5 5-5M4 20h16",
  upload: "M12 20V9m-5 5 5-5 5 5M4 4h16",
  edit: "M4 20h4L19 9l-4-4L4 16v4Z",
  eye: "M2 12s3.5-7 10-7 10 7 10 7-3.5 7-10 7S2 12 2 12Zm10 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  filter: "M4 5h16l-6 8v6l-4-2v-4L4 5Z",
  globe:
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Zm-9-9h18M12 3c2.5 2.5 3.8 5.7 3.8 9S14.5 18.500 12 21c-2.500-2.500-3.800-5.700-3.800-9S9.500 5.500 12 3Z",
  history: "M4 4v5h5M4.600 14A8 8 0 1 0 6 6.300L4 9m8-2v5l3.500 2",
  home: "M4 11 12 4l8 7v9h-5v-6H9v6H4z",
  key: "M15 9a4 4 0 1 0-4.500 4L4 19.500V21h3v-2h2v-2h2l1.500-2.500M15.500 8.500h.01",
  mail: "M3 6h18v12H3zM3 7l9 7 9-7",
  menu: "M4 7h16M4 12h16M4 17h16",
  monitor: "M3 12h4l3-8 4 16 3-8h4",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  pause: "M8 5v14M16 5v14",
  people:
    "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Zm-6 9c0-3.500 2.500-6 6-6s6 2.500 6 6m2-9.500a3 3 0 0 0 0-6M18 14c2 .7 3 2.800 3 6",
  play: "M7 4.500v15l12-7.500-12-7.500Z",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm10 3-5-5",
  shield: "M12 3 5 6v6c0 4.500 3 7.500 7 9 4-1.500 7-4.500 7-9V6l-7-3Z",
  stop: "M6 6h12v12H6z",
  theme: "M12 21a9 9 0 1 0 0-18v18Z",
  transfer: "M7 4v14m-4-4 4 4 4-4M17 20V6m-4 4 4-4 4 4",
  trash: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
  undo: "M9 14 4 9l5-5M4 9h9a6 6 0 1 1 0 12h-2",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.500 9c0-4 3.300-7 7.500-7s7.500 3 7.500 7",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" aria-hidden="true">
      <path d={PATHS[name]} stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
