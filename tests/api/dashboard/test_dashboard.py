"""The dashboard in a real browser, over a real tracker whose checks find what the test says."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.browser import TOKEN, bad, chromium, good, house, keys, needs_chromium
from tests.helpers.waiting import block_until
from tracker.core.outcomes import OutcomeKind

pytestmark = needs_chromium

HOSTILE = '<img src=x onerror="document.title=1">\u202egnp.exe</script>'
LONG = "very-" * 60 + "long"
ROW = "$(`.row:has([href='#provider=${encodeURIComponent(arguments[0])}'])`)"
LIVE = "$('#connection[data-state=live]') !== null"
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FIGURES = """
window.figures = [];
const note = (list) => figures.push(...list.getEntriesByName("update").map((e) => e.duration));
new PerformanceObserver(note).observe({ type: "measure" });
"""

SILENT = """
window.EventSource = class extends EventTarget {
  static CLOSED = 2;
  readyState = 1;
  constructor() {
    super();
    setTimeout(() => this.onopen?.());
  }
  close() {}
};
"""


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def groq_and_mistral(tmp_path: Path) -> Iterator[Any]:
    with house(tmp_path, "groq", "mistral", groq=good(120.0), mistral=good(240.0)) as built:
        yield built


def shown(browser: Any, url: Any, count: int, **window: Any) -> None:
    """Opens it and waits for so many rows and the live feed."""
    browser.open(url, **window)
    browser.until(f"$$('#list .row').length === {count} && {LIVE}")


def ranked_by(built: Any) -> list[Any]:
    ranking = httpx.get(built.url + "api/providers/best").json()["ranking"]
    return [line["provider_name"] for line in ranking]


def all_files(folder: Path) -> Iterator[Any]:
    for entry in folder.iterdir():
        yield from all_files(entry) if entry.is_dir() else [entry]


def test_the_whole_page_is_small() -> None:
    sizes = [len(entry.read_bytes()) for entry in all_files(files("api") / "dashboard")]
    assert sum(sizes) <= 150_000


def test_first_glance(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2)
    assert browser.text("#use-name") == "groq"
    reason = browser.value(
        "fetch('api/providers/best').then((a) => a.json()).then((b) => b.reason)"
    )
    assert browser.text("#use-reason") == reason
    browser.until("$('#own-word').textContent === 'well'")
    counts = "2 healthy 0 degraded 0 down 0 unknown"
    assert " ".join(browser.text("#counts").split()) == counts
    assert browser.value("document.title") == "groq · Provider status"
    first = browser.value(f"{ROW}.innerText", "groq")
    assert "healthy" in first
    assert "120 ms" in first
    assert "last check ok in 120 ms" in first


def test_asks_nobody_else_and_breaks_no_policy(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url + "#provider=groq", 2)
    browser.until("$('#chart canvas') !== null")
    asked = [url for url in browser.requested() if not url.startswith("data:")]
    assert any("/vendor/uPlot" in url for url in asked)
    assert [url for url in asked if not url.startswith(groq_and_mistral.url)] == []
    assert browser.said() == []


def test_a_provider_goes_down_while_the_page_is_open(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2)
    browser.run("window.untouched = true")
    groq_and_mistral.findings["groq"] = bad()
    groq_and_mistral.check("groq")
    row = browser.until(f"{ROW}.dataset.status === 'down' && {ROW}.innerText", "groq")
    assert "their fault" in row
    assert "HTTP 500" in row
    assert browser.text("#use-name") == "mistral"
    names = browser.value("$$('#list .name').map((n) => n.textContent)")
    assert names == ["mistral", "groq"]
    browser.until("$('#announce').textContent.includes('groq is down')")
    browser.until("$('#lately').textContent.includes('groq → down')")
    assert browser.value("[window.untouched, document.title]") == [
        True,
        "1 down · mistral · Provider status",
    ]


def test_every_status_has_a_shape_of_its_own(browser: Any, tmp_path: Path) -> None:
    kinds = {"a": good(), "b": good(1500.0), "c": bad(OutcomeKind.CONNECT, "")}
    with house(tmp_path, *kinds, **kinds) as built:
        shown(browser, built.url, 3)
        statuses = browser.value("$$('.row').map((row) => row.dataset.status)")
        shapes = browser.value("$$('.row .shape use').map((use) => use.getAttribute('href'))")
        colours = browser.value("$$('.row .shape').map((shape) => getComputedStyle(shape).color)")
    assert statuses == ["healthy", "degraded", "down"]
    assert shapes == ["#healthy", "#degraded", "#down"]
    assert len(set(colours)) == 3


def test_the_tracker_restarts_while_the_page_is_open(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2)
    browser.run("window.untouched = true")
    groq_and_mistral.stop()
    banner = browser.until("!$('#banner').hidden && $('#banner').innerText")
    assert banner.startswith("Not live. What you see is old: last update ")
    assert "last update" in browser.text("#connection")
    assert browser.value("document.documentElement.className") == "lost"
    browser.until("$('#own-word').textContent === 'cannot be reached'")
    groq_and_mistral.findings["mistral"] = good(50.0)
    groq_and_mistral.start()
    browser.until(f"{LIVE} && $('#banner').hidden")
    browser.until(f"{ROW}.innerText.includes('50 ms')", "mistral")
    browser.until("$('#own-word').textContent === 'well'")
    assert browser.value("window.untouched")


def test_polls_where_the_stream_is_not_to_be_had(browser: Any, groq_and_mistral: Any) -> None:
    browser.command("Network.enable")
    browser.command("Network.setBlockedURLs", urls=["*/api/providers/events"])
    try:
        browser.open(groq_and_mistral.url)
        browser.until("$('#connection[data-state=polling]') !== null")
        assert browser.text("#connection") == "asking every 5 s; the event stream is away"
        groq_and_mistral.findings["groq"] = bad()
        groq_and_mistral.check("groq")
        browser.until(f"{ROW}.dataset.status === 'down'", "groq")
    finally:
        browser.command("Network.setBlockedURLs", urls=[])


def test_a_poll_that_fails_by_half_is_made_again_in_full(
    browser: Any, groq_and_mistral: Any
) -> None:
    browser.command("Network.enable")
    browser.command("Network.setBlockedURLs", urls=["*/api/providers/events", "*/best"])
    try:
        browser.open(groq_and_mistral.url)
        browser.until("$('#connection[data-state=lost]') !== null")
        browser.command("Network.setBlockedURLs", urls=["*/api/providers/events"])
        browser.until("$('#connection[data-state=polling]') !== null")
        browser.until("$$('#list .row').length === 2")
        assert browser.text("#use-name") == "groq"
    finally:
        browser.command("Network.setBlockedURLs", urls=[])


def test_a_stream_that_opens_and_says_nothing_is_not_live(
    browser: Any, groq_and_mistral: Any
) -> None:
    stub = browser.command("Page.addScriptToEvaluateOnNewDocument", source=SILENT)
    try:
        browser.open(groq_and_mistral.url)
        browser.until("$$('#list .row').length === 2")
        browser.until("$('#connection[data-state=polling]') !== null")
    finally:
        browser.command("Page.removeScriptToEvaluateOnNewDocument", **stub)


def test_hostile_text_is_only_text(browser: Any, tmp_path: Path) -> None:
    findings = {
        HOSTILE: bad(OutcomeKind.AUTH, HOSTILE.replace("\u202e", "")),
        LONG: bad(OutcomeKind.SERVER, LONG[:200]),
    }
    with house(tmp_path, HOSTILE, LONG, "groq", **findings) as built:
        shown(browser, built.url, 3, width=360, height=800)
        assert browser.value(f"{ROW}.querySelector('.name').textContent", HOSTILE) == HOSTILE
        assert browser.value("$$('img').length") == 0
        browser.run(f"{ROW}.querySelector('.name').click()", HOSTILE)
        browser.until("$('#detail-name').textContent === arguments[0]", HOSTILE)
        browser.until("$('#detail-changes').textContent.includes('onerror')")
        assert "onerror" in browser.text("#detail-error")
        assert browser.value(OVERHANG) == 0
        assert browser.value("document.title") == "2 down · groq · Provider status"
        assert browser.said() == []


def test_works_by_keyboard_alone(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2)
    active = "document.activeElement"
    browser.type("/")
    assert browser.value(f"{active}.id") == "filter"
    browser.type("mist")
    browser.until("$('#shown').textContent === '1 of 2 providers'")
    browser.type(keys.ARROW_DOWN)
    assert browser.value(f"{active}.textContent") == "mistral"
    browser.type(keys.ENTER)
    browser.until("$('#detail').open")
    assert browser.text("#detail-name") == "mistral"
    assert browser.value("location.hash") == "#provider=mistral"
    browser.type(keys.ESCAPE)
    browser.until("!$('#detail').open && location.hash === ''")
    assert browser.value(f"{active}.textContent") == "mistral"
    browser.type(keys.TAB)
    assert browser.value(f"{active}.getAttribute('aria-label')") == "History of mistral"
    told = [browser.value(f"{active}.getAttribute('aria-valuetext')")]
    browser.type(keys.ARROW_LEFT)
    told.append(browser.value(f"{active}.getAttribute('aria-valuetext')"))
    # The check may lie in the cell before the newest by now.
    assert any(": 1 check, no failure, average 240 ms, p95 240 ms" in cell for cell in told)
    browser.type(keys.HOME)
    assert browser.text("#tip").endswith(": nothing known")


def test_history_is_grey_where_nothing_is_known(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2)
    count = "[path.getAttribute('class'), path.getAttribute('d').split('M').length - 1]"
    boxes = f"$$('.row:first-child .strip path').map((path) => {count})"
    drawn = dict(browser.until(f"$('.strip .up') && {boxes}"))
    # The check may lie in the cell before the newest by now, and still stand in that one.
    assert drawn["up"] == 1
    assert drawn["none"] + drawn.get("up held", 0) == 89


def test_status_buttons_filter(browser: Any, groq_and_mistral: Any) -> None:
    groq_and_mistral.findings["groq"] = bad()
    groq_and_mistral.check("groq")
    shown(browser, groq_and_mistral.url, 2)
    browser.run("$$('.count')[2].click()")
    visible = "$$('.row:not([hidden]) .name').map((n) => n.textContent).join()"
    browser.until(f"{visible} === 'groq'")
    assert browser.text("#shown") == "1 of 2 providers"


def test_operates_with_a_token_that_it_keeps_nowhere(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url + "#provider=groq", 2)
    browser.until("$('#detail').open")
    browser.run("$('#detail-control').open = true")
    says = "$('#control-says').textContent"
    click = "$('#' + arguments[0]).click()"
    browser.run(click, "check-now")
    browser.until(f"{says}.includes('admin token')")
    browser.run("$('#token').focus()")
    browser.type(TOKEN)
    groq_and_mistral.findings["groq"] = good(77.0)
    browser.run(click, "check-now")
    browser.until(f"{says} === 'ok in 77 ms'")
    browser.run("$('#interval').value = '60'")
    browser.run(click, "interval-set")
    browser.until(f"{says} === 'Now checked every 60 s.'")
    browser.until("$('#detail-tiles').textContent.includes('1 min (tuned)')")
    browser.run("$('#interval').value = ''")
    browser.run(click, "interval-set")
    browser.until(f"{says} === 'Not done: give a number of seconds.'")
    browser.run("$('#interval').value = '0.5'")
    browser.run(click, "interval-set")
    browser.until(f"{says}.startsWith('Not done: timeout_seconds')")
    browser.run(click, "switch")
    browser.until(f"{ROW}.innerText.includes('off')", "groq")
    for place in ("{...localStorage}", "{...sessionStorage}", "[document.cookie, location.href]"):
        assert TOKEN not in browser.value(f"JSON.stringify({place})")
    assert TOKEN not in browser.value("document.documentElement.outerHTML")
    browser.driver.refresh()
    browser.until(LIVE)
    assert browser.value("$('#token').value") == ""


def test_draws_a_chart_and_the_same_as_a_table(browser: Any, groq_and_mistral: Any) -> None:
    groq_and_mistral.findings["groq"] = bad()
    groq_and_mistral.check("groq")
    shown(browser, groq_and_mistral.url + "#provider=groq", 2)
    browser.until(
        "$('#chart-says').textContent.startsWith('From 120 ms to 120 ms; 1 check failed.')"
    )
    browser.run("$('#chart-table').open = true")
    cells = "$$('#chart-table td').map((cell) => cell.textContent)"
    assert browser.until(f"{cells}.length && {cells}") == ["2", "1", "120 ms", "120 ms", "50.00 %"]


def test_real_calls_stand_beside_the_checks(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url + "#provider=groq", 2)
    browser.until("$('#detail-traffic').hidden && $('#detail-tiles').children.length")
    calls = [
        {"id": f"{n}", "at": datetime.now(UTC).isoformat(), "provider": "groq", "latency_ms": 900}
        | {"outcome": "server" if n == 0 else "ok"}
        for n in range(10)
    ]
    receipt = httpx.post(
        groq_and_mistral.url + "api/reports",
        headers={"Authorization": f"Bearer {TOKEN}"},
        json={"reporter": "proxy", "reports": calls},
    ).json()
    assert receipt["accepted"] == 10
    tiles = "[...$$('#traffic-tiles div')].map((tile) => tile.textContent)"
    told = browser.until(f"!$('#detail-traffic').hidden && {tiles}")
    assert told[:2] == ["calls a minute2", "failed, 5 min10.00 %"]
    assert "latency now120 ms" in browser.value("$('#detail-tiles').textContent")


def test_theme_follows_the_system_until_it_is_chosen(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2)
    page = "getComputedStyle(document.body).backgroundColor"
    prefer = [{"name": "prefers-color-scheme", "value": "dark"}]
    light = browser.value(page)
    browser.command("Emulation.setEmulatedMedia", features=prefer)
    try:
        dark = browser.until(f"{page} !== arguments[0] && {page}", light)
        browser.run("$('#theme').click()")
        assert browser.value(page) == light
        shown(browser, groq_and_mistral.url, 2)
        assert browser.value(page) == light
        browser.run("$('#theme').click()")
        assert browser.value(page) == dark
    finally:
        browser.run("localStorage.clear()")
        browser.command("Emulation.setEmulatedMedia", features=[])


@pytest.mark.parametrize("width", [360, 768, 1024, 1440, 3840])
def test_nothing_sticks_out(browser: Any, groq_and_mistral: Any, width: int) -> None:
    shown(browser, groq_and_mistral.url, 2, width=width)
    assert browser.value(OVERHANG) == 0


def test_three_hundred_providers(browser: Any, tmp_path: Path) -> None:
    names = [f"provider-{number:03}" for number in range(300)]
    with house(tmp_path, *names, **{name: good(50.0 + i) for i, name in enumerate(names)}) as built:
        shown(browser, built.url, 300)
        interactive = browser.value("performance.getEntriesByName('shown')[0].startTime")
        browser.run(FIGURES)
        built.findings.update({name: good(400.0 - i) for i, name in enumerate(names)})
        built.check()
        browser.until(f"{ROW}.innerText.includes('101 ms')", "provider-299")
        updates = browser.until("figures.length && figures")
        order = "$$('#list .name').map((name) => name.textContent)"
        block_until(lambda: browser.value(order) == ranked_by(built))
    print(
        f"interactive after {interactive:.0f} ms; updates of {[round(ms, 1) for ms in updates]} ms"
    )
    # Loose: the machine has other work. docs/performance.md has the measured figures.
    assert interactive < 30_000
    assert min(updates) < 250


def test_without_javascript_a_plain_table(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    off = {"profile.managed_default_content_settings.javascript": 2}
    with (
        house(tmp_path, "groq", HOSTILE, **{HOSTILE: bad()}) as built,
        chromium(tmp_path_factory.mktemp("profile"), preferences=off) as without,
    ):
        without.open(built.url)
        block_until(lambda: without.driver.find_elements("css selector", "tbody tr"))
        table = without.driver.find_element("css selector", "table")
        assert without.driver.current_url == built.url + "plain"
        rows = [row.text for row in table.find_elements("css selector", "tbody tr")]
    assert rows[0].startswith("1 groq healthy last check ok in 100 ms 100.0 ms")
    assert rows[1].startswith("– <img src=x onerror=")


def test_the_plain_page_is_rendered_once_a_snapshot(groq_and_mistral: Any) -> None:
    with httpx.Client(base_url=groq_and_mistral.url) as client:
        answer = client.get("plain")
        known = {"If-None-Match": answer.headers["ETag"]}
        assert client.get("plain", headers=known).status_code == 304
        groq_and_mistral.check("groq")
        assert client.get("plain", headers=known).status_code == 200
