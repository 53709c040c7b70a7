export const inventory = {
  title: "库存",
};
