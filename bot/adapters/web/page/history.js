// The texts written in this browser, newest first. Only the browser keeps them.
"use strict";

const texts = {
  MOST: 20,
  NAME: "texts",
  // A browser that stores nothing for pages throws; a user may have edited the value.
  get all() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.NAME));
      return Array.isArray(kept) ? kept.filter((each) => typeof each?.phrase === "string") : [];
    } catch {
      return [];
    }
  },
  // A text that continues an earlier one replaces it.
  add(story) {
    const whole = (each) => each.phrase + each.earlier + each.last;
    const others = this.all.filter((each) => !whole(story).startsWith(whole(each)));
    for (let most = this.MOST; most > 0; most = most >> 1) {
      try {
        localStorage.setItem(this.NAME, JSON.stringify([story, ...others].slice(0, most)));
        return;
      } catch {
        // The quota is exceeded: keep fewer texts.
      }
    }
  },
  clear() {
    try {
      localStorage.removeItem(this.NAME);
    } catch {
      // There is nothing to remove.
    }
  },
};
