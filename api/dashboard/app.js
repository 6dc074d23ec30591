// Ties it together: what the feed brings is kept in the state, and drawn once a frame.

import { onTheme } from "./appearance.js";
import { showCondition, showHealth } from "./condition.js";
import { find } from "./dom.js";
import { Feed } from "./feed.js";
import { showIncidents, tickIncidents } from "./incidents.js";
import { watchKeys } from "./keyboard.js";
import { News } from "./news.js";
import { Screen } from "./screen.js";
import { state } from "./state.js";
import { isAnother } from "./version.js";
import { follow, redraw, touch } from "./views.js";

const news = new News();
const screen = new Screen(state);

const feed = new Feed({
  snapshot(overview) {
    if (isAnother(overview.page)) return;
    news.note(state.replace(overview));
    showIncidents(overview.incidents, overview.swept);
    showHealth(overview.health);
    screen.soon(true);
    follow();
  },
  rows(rows) {
    const changed = state.update(rows);
    news.note(changed);
    for (const { after } of changed) touch(after.name);
    if (state.incidents) showIncidents(state.incidents, state.best?.swept ?? true);
    screen.soon(false);
  },
  best(best) {
    news.noteBest(state.best, best);
    state.takeBest(best);
    if (state.incidents) showIncidents(state.incidents, best.swept);
    screen.soon(true);
  },
  incidents(incidents) {
    state.incidents = incidents;
    showIncidents(incidents, state.best?.swept ?? true);
    for (const { provider_name: name } of [...incidents.open, ...incidents.over])
      if (name !== null) touch(name);
  },
  health: showHealth,
});

function tick() {
  feed.tick();
  const condition = feed.condition;
  showCondition(condition, state.providers.size > 0);
  if (news.turn(condition.state)) screen.reread();
  screen.setLost(condition.state === "lost");
  if (document.hidden) return;
  screen.tick();
  tickIncidents();
}

onTheme(redraw);
watchKeys();
find("controls").addEventListener("input", () => screen.soon(true));
// A computer that wakes shows the page before any timer runs: it must not call the old live.
for (const name of ["visibilitychange", "pageshow", "focus", "online"]) addEventListener(name, tick);
document.addEventListener("visibilitychange", () => document.hidden || screen.soon(true));
addEventListener("pagehide", () => feed.rest());
document.addEventListener("click", async (event) => {
  const at = event.target instanceof Element ? event.target.closest("[data-acknowledge], [data-mute]") : null;
  if (at instanceof HTMLElement) (await import("./control.js")).askFor(at.dataset);
});
find("lately").addEventListener("toggle", async () => (await import("./changes.js")).showLately());

setInterval(tick, 1_000);
tick();
follow();
