export const overview = {
  title: "概要",
};
