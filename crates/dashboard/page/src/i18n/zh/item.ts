export const item = {
  title: "物品",
};
