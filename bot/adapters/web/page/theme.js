// Before anything is shown: the colours that the visitor has chosen here, or else the system's.
"use strict";

const theme = {
  // Browsers that keep nothing for pages say so with an exception.
  get kept() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  },
  get dark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },
  choose(name) {
    document.documentElement.dataset.theme = name;
    try {
      localStorage.setItem("theme", name);
    } catch {
      // It holds until the page is left.
    }
  },
};
if (theme.kept) document.documentElement.dataset.theme = theme.kept;
