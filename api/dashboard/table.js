// Tables, made from cells.

import { make } from "./dom.js";

/**
 * @param {string[]} heads
 * @param {HTMLElement[]} rows
 */
export function tableOf(heads, rows) {
  for (const row of rows)
    heads.forEach((text, number) => row.children[number]?.setAttribute("data-head", text));
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}
