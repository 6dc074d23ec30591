// Light or dark: as the system has it, or as it was chosen here.

import { find, say } from "./dom.js";

const THEMES = ["auto", "light", "dark"];

/** @type {() => void} */
let changed = () => {};

/**
 * Calls back when the colours are others: a canvas does not follow by itself.
 * @param {() => void} callback
 */
export function onTheme(callback) {
  changed = callback;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
}

function showTheme() {
  say(find("theme"), `Theme: ${document.documentElement.dataset.theme ?? "auto"}`);
}

find("theme").addEventListener("click", () => {
  const { dataset } = document.documentElement;
  const next = THEMES[(THEMES.indexOf(dataset.theme ?? "auto") + 1) % THEMES.length];
  if (next === "auto") delete dataset.theme;
  else dataset.theme = next;
  try {
    localStorage.setItem("theme", next);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
  showTheme();
  changed();
});

showTheme();
