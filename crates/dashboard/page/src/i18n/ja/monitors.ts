export const monitors = {
  title: "モニター",
};
