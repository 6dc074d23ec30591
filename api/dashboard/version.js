// The page open over a restart with another version: its data may have other shapes, so it loads
// itself again, at once where nobody is at work in it.

import { find, hide } from "./dom.js";

const own = document.documentElement.dataset.version;
const AGAIN = 60_000; // ms: a proxy that goes on serving the old page must not make us spin
const KEY = "reloaded";

/**
 * Returns whether the tracker's page is another one than this.
 * @param {string} page
 */
export function isAnother(page) {
  if (page === own) return false;
  if (isAtWork() || Date.now() - reloadedAt() < AGAIN) hide(find("update"), false);
  else reload();
  return true;
}

function isAtWork() {
  const active = document.activeElement;
  return document.querySelector("dialog[open]") !== null || active instanceof HTMLInputElement;
}

function reloadedAt() {
  try {
    return Number(sessionStorage.getItem(KEY) ?? 0);
  } catch {
    return 0;
  }
}

function reload() {
  try {
    sessionStorage.setItem(KEY, String(Date.now()));
  } catch {
    hide(find("update"), false); // without a memory it might never end: the reader decides
    return;
  }
  location.reload();
}

find("update-now").addEventListener("click", reload);
