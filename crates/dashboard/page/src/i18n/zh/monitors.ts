export const monitors = {
  title: "监控",
};
