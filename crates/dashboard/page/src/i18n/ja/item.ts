export const item = {
  title: "品目",
};
