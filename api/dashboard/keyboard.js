// Keys for the whole page: / filters, the arrows walk the list.

import { find } from "./dom.js";

function walk(event, step) {
  const seen = [...find("list").children].filter((element) => !element.hidden);
  const at = seen.findIndex((element) => element.contains(document.activeElement));
  const target = seen[at + step];
  if (!target) return;
  event.preventDefault();
  target.querySelector(".name").focus();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || find("detail").open) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    find("filter").focus();
  } else if (event.key === "Escape" && event.target === find("filter")) {
    find("filter").value = "";
    find("filter").dispatchEvent(new Event("input"));
  } else if (event.key === "ArrowDown" && (!typing || event.target === find("filter")))
    walk(event, 1);
  else if (event.key === "ArrowUp" && !typing) walk(event, -1);
});
