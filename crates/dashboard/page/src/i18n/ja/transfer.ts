export const transfer = {
  title: "インポートとエクスポート",
};
