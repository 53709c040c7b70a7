export const inventory = {
  title: "在庫",
};
