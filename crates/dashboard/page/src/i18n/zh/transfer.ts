export const transfer = {
  title: "导入与导出",
};
