"""The dashboard in a real browser, over a real tracker whose checks find what the test says."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.helpers.browser import TOKEN, bad, good, house, keys, needs_chromium
from tests.helpers.plain_http import PLAIN
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

NOTES_THE_END = """
window.EventSource = class extends EventSource {
  close() {
    sessionStorage.closed = Number(sessionStorage.closed ?? 0) + 1;
    super.close();
  }
};
"""


@pytest.fixture
def groq_and_mistral(tmp_path: Any) -> Any:
    with house(tmp_path, "groq", "mistral", groq=good(120.0), mistral=good(240.0)) as built:
        yield built


def shown(browser: Any, url: Any, count: Any, **window: Any) -> None:
    """Opens it and waits for so many rows and the live feed."""
    browser.open(url, **window)
    browser.until(f"$$('#list .row').length === {count} && {LIVE}")


def ranked_by(built: Any) -> Any:
    ranking = httpx.get(built.url + "api/providers/best", verify=PLAIN).json()["ranking"]
    return [line["provider_name"] for line in ranking]


WEIGHT = """
const all = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
return all.reduce((sum, each) => sum + each.decodedBodySize, 0);
"""


@pytest.mark.parametrize(("count", "most"), [(8, 150_000), (300, 200_000)])
def test_the_page_weighs_little_uncompressed(
    browser: Any, tmp_path: Any, count: Any, most: Any
) -> None:
    with house(tmp_path, *(f"provider-{number:03}" for number in range(count))) as built:
        shown(browser, built.url, min(count, 40))
        browser.until("$('.strip path') !== null")
        # A stream has no size before its end; its first event is the same document.
        live = len(httpx.get(built.url + "dashboard/data/overview", verify=PLAIN).content)
        weight = browser.run(WEIGHT) + live
    print(f"{count} providers: {weight} bytes, {live} of them live data")
    assert live < weight <= most


def test_the_first_screen_shows_best_incidents_and_providers(
    browser: Any, groq_and_mistral: Any
) -> None:
    shown(browser, groq_and_mistral.url, 2)
    assert browser.text("#use-name") == "groq"
    assert browser.text("#use-reason") == "120 ms, no recent failure"
    assert browser.text("#use-next") == "Next: mistral, 240 ms."
    assert browser.text("#incidents") == "Nothing is wrong."
    assert browser.value("$('#unwell').hidden")
    counts = "2 healthy 0 degraded 0 down 0 unknown"
    assert " ".join(browser.text("#counts").split()) == counts
    assert browser.value("document.title") == "groq · Provider status"
    first = browser.value(f"{ROW}.innerText", "groq")
    assert "healthy" in first
    assert "120 ms" in first
    assert "use now" in first


def test_the_page_requests_no_other_host_and_violates_no_policy(
    browser: Any, groq_and_mistral: Any
) -> None:
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
    assert "Their fault: server error: HTTP 500" in row
    browser.until("$('#use-name').textContent === 'mistral'")
    names = browser.value("$$('#list .name').map((n) => n.textContent)")
    assert names == ["groq", "mistral"]  # the worst first
    browser.until("$('#announce').textContent.includes('groq is down')")
    incident = browser.until("$('.incident') && $('.incident').innerText")
    assert "groq is down for " in incident
    assert ", since " in incident
    browser.run("$('#lately').open = true")
    browser.until("$('#lately-list').textContent.includes('groq healthy → down')")
    assert browser.value("[window.untouched, document.title]") == [
        True,
        "1 down · mistral · Provider status",
    ]


def test_a_page_that_gets_no_frames_still_tells_what_changed(
    browser: Any, groq_and_mistral: Any
) -> None:
    shown(browser, groq_and_mistral.url, 2)
    browser.run("window.requestAnimationFrame = () => 0")  # as of a tab that was just hidden
    groq_and_mistral.findings["groq"] = bad()
    groq_and_mistral.check("groq")
    browser.until("document.title === '1 down · mistral · Provider status'")


def test_every_status_has_a_shape_of_its_own(browser: Any, tmp_path: Any) -> None:
    kinds = {"a": good(), "b": good(1500.0), "c": bad(OutcomeKind.CONNECT, "")}
    with house(tmp_path, *kinds, **kinds) as built:
        shown(browser, built.url, 3)
        statuses = browser.value("$$('.row').map((row) => row.dataset.status)")[::-1]
        shapes = browser.value("$$('.row .shape use').map((use) => use.getAttribute('href'))")[::-1]
        colours = browser.value("$$('.row .shape').map((shape) => getComputedStyle(shape).color)")
    assert statuses == ["healthy", "degraded", "down"]
    assert shapes == ["#healthy", "#degraded", "#down"]
    assert len(set(colours)) == 3


def test_the_tracker_restarts_while_the_page_is_open(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2)
    browser.run("window.untouched = true")
    groq_and_mistral.stop()
    banner = browser.until("!$('#banner').hidden && $('#banner').innerText")
    assert banner.startswith("Not live. What you see is out of date: last update ")
    assert "last update" in browser.text("#connection")
    assert browser.value("document.documentElement.className") == "lost"
    browser.until("document.title === 'Not live · Provider status'")
    groq_and_mistral.findings["mistral"] = good(50.0)
    groq_and_mistral.start()
    browser.until(f"{LIVE} && $('#banner').hidden")
    browser.until(f"{ROW}.innerText.includes('50 ms')", "mistral")
    assert browser.value("window.untouched")


def test_the_page_polls_if_the_event_stream_is_unavailable(
    browser: Any, groq_and_mistral: Any
) -> None:
    browser.command("Network.enable")
    browser.command("Network.setBlockedURLs", urls=["*/dashboard/data/events"])
    try:
        browser.open(groq_and_mistral.url)
        browser.until("$('#connection[data-state=polling]') !== null")
        assert browser.value("$('#connection[data-state=live]') === null")
        assert (
            browser.text("#connection")
            == "polling every few seconds; the event stream is not available"
        )
        groq_and_mistral.findings["groq"] = bad()
        groq_and_mistral.check("groq")
        browser.until(f"{ROW}.dataset.status === 'down'", "groq")
    finally:
        browser.command("Network.setBlockedURLs", urls=[])


def test_a_stream_that_opens_and_sends_nothing_is_not_live(
    browser: Any, groq_and_mistral: Any
) -> None:
    stub = browser.command("Page.addScriptToEvaluateOnNewDocument", source=SILENT)
    try:
        browser.open(groq_and_mistral.url)
        browser.until("$$('#list .row').length === 2")
        browser.until("$('#connection[data-state=polling]') !== null")
        assert browser.value("$('#connection[data-state=live]') === null")
    finally:
        browser.command("Page.removeScriptToEvaluateOnNewDocument", **stub)


def test_a_page_closes_its_stream_when_left_and_opens_it_again(
    browser: Any, groq_and_mistral: Any
) -> None:
    """A browser that keeps the page would keep one of its six connections to the tracker."""
    noted = browser.command("Page.addScriptToEvaluateOnNewDocument", source=NOTES_THE_END)
    shown(browser, groq_and_mistral.url, 2)
    browser.driver.get(f"{groq_and_mistral.url}livez")
    assert browser.value("sessionStorage.closed") == "1"
    browser.command("Page.removeScriptToEvaluateOnNewDocument", **noted)
    browser.driver.back()
    browser.until(f"$$('#list .row').length === 2 && {LIVE}")


def test_hostile_text_is_shown_as_plain_text(browser: Any, tmp_path: Any) -> None:
    findings = {
        HOSTILE: bad(OutcomeKind.AUTH, HOSTILE.replace("\u202e", "")),
        LONG: bad(OutcomeKind.SERVER, LONG[:200]),
    }
    with house(tmp_path, HOSTILE, LONG, "groq", **findings) as built:
        shown(browser, built.url, 3, width=360, height=800)
        shown_name = browser.value(f"{ROW}.querySelector('.name').textContent", HOSTILE)
        assert shown_name == HOSTILE.replace("\u202e", "\ufffd")
        assert browser.value("$$('img').length") == 0
        browser.run(f"{ROW}.querySelector('.name').click()", HOSTILE)
        browser.until("$('#detail-name').textContent === arguments[0]", shown_name)
        browser.until("$('#detail-changes').textContent.includes('onerror')")
        assert "onerror" in browser.text("#detail-why")
        assert browser.value(OVERHANG) == 0
        assert browser.value("document.title") == "2 down · groq · Provider status"
        assert browser.said() == []


def test_the_page_can_be_used_by_keyboard_alone(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2)
    active = "document.activeElement"
    browser.type("/")
    assert browser.value(f"{active}.id") == "filter"
    browser.type("mist")
    browser.until("$('#shown').textContent === '1 of 2 providers' && $$('.row').length === 1")
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


def test_history_is_grey_where_there_are_no_checks(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2)
    count = "[path.getAttribute('class'), path.getAttribute('d').split('M').length - 1]"
    boxes = f"$$('.row:first-child .strip path').map((path) => {count})"
    drawn = dict(browser.until(f"$('.strip .up') && {boxes}"))
    # The check may lie in the cell before the newest by now, and still stand in that one.
    assert drawn["up"] == 1
    assert drawn["none"] + drawn.get("up held", 0) == 59  # minutes of an hour: it has just begun


def test_status_buttons_filter(browser: Any, groq_and_mistral: Any) -> None:
    groq_and_mistral.findings["groq"] = bad()
    groq_and_mistral.check("groq")
    shown(browser, groq_and_mistral.url, 2)
    browser.run("$$('.count')[2].click()")
    visible = "$$('.row .name').map((n) => n.textContent).join()"
    browser.until(f"{visible} === 'groq'")
    assert browser.text("#shown") == "1 of 2 providers"


def test_actions_use_a_token_that_the_page_stores_nowhere(
    browser: Any, groq_and_mistral: Any
) -> None:
    shown(browser, groq_and_mistral.url + "#provider=groq", 2)
    browser.until("$('#detail').open && !$('#detail-content').hidden")
    browser.run("$('#detail-control').open = true; window.confirm = () => true")
    says = "$('#control-says').textContent"
    click = "$('#' + arguments[0]).click()"
    browser.run(click, "check-now")
    browser.until(f"{says}.includes('admin token')")
    browser.run("$('#token').focus()")
    browser.type(TOKEN)
    groq_and_mistral.findings["groq"] = good(77.0)
    browser.run(click, "check-now")
    browser.until(f"{says} === 'Ok in 77 ms'")
    browser.run("$('#interval').value = '60'")
    browser.run(click, "interval-set")
    browser.until(f"{says} === 'It is now checked every 60 s.'")
    browser.until("$('#detail-tiles').textContent.includes('1 min (tuned)')")
    browser.run("$('#interval').value = ''")
    browser.run(click, "interval-set")
    browser.until(f"{says} === 'Not changed: enter a number of seconds.'")
    browser.run("$('#interval').value = '0.5'")
    browser.run(click, "interval-set")
    browser.until(f"{says}.startsWith('Not done: the interval of groq must be at least')")
    browser.run(click, "switch")
    browser.until(f"{ROW}.dataset.status === 'off'", "groq")
    for place in ("{...localStorage}", "{...sessionStorage}", "[document.cookie, location.href]"):
        assert TOKEN not in browser.value(f"JSON.stringify({place})")
    assert TOKEN not in browser.value("document.documentElement.outerHTML")
    browser.driver.refresh()
    browser.until(LIVE)
    assert browser.value("$('#token').value") == ""


def test_the_page_shows_history_as_a_chart_and_as_a_table(
    browser: Any, groq_and_mistral: Any
) -> None:
    groq_and_mistral.findings["groq"] = bad()
    groq_and_mistral.check("groq")
    shown(browser, groq_and_mistral.url + "#provider=groq", 2)
    browser.until(
        "$('#chart-says').textContent.startsWith('From 120 ms to 120 ms; 1 check failed.')"
    )
    browser.run("$('#chart-table').open = true")
    cells = "$$('#chart-table td').map((cell) => cell.textContent)"
    assert browser.until(f"{cells}.length && {cells}") == ["2", "1", "120 ms", "120 ms", "50 %"]


def test_real_calls_are_shown_beside_the_checks(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url + "#provider=groq", 2)
    browser.until("$('#detail-tiles').children.length && $('#detail-traffic').hidden")
    calls = [
        {"id": f"{n}", "at": datetime.now(UTC).isoformat(), "provider": "groq", "latency_ms": 900}
        | {"outcome": "server" if n == 0 else "ok"}
        for n in range(10)
    ]
    receipt = httpx.post(
        groq_and_mistral.url + "api/reports",
        headers={"Authorization": f"Bearer {TOKEN}"},
        json={"reporter": "proxy", "reports": calls},
        verify=PLAIN,
    ).json()
    assert receipt["accepted"] == 10
    tiles = "[...$$('#traffic-tiles div')].map((tile) => tile.textContent)"
    told = browser.until(f"!$('#detail-traffic').hidden && {tiles}")
    assert told[:2] == ["calls a minute2", "failed, 5 min10 %"]
    assert "latency now120 ms" in browser.value("$('#detail-tiles').textContent")


def test_a_window_longer_than_the_data_is_labelled_with_the_real_length(
    browser: Any, groq_and_mistral: Any
) -> None:
    shown(browser, groq_and_mistral.url + "#provider=groq", 2)
    tiles = browser.until(
        "$('#detail-tiles dt') && [...$$('#detail-tiles dt')].map((each) => each.textContent)"
    )
    up = [tile for tile in tiles if tile.startswith("up, ")]
    assert len(up) == 1  # of an hour, a day and a week: all three would be of the same minute
    assert re.fullmatch(r"up, since \d\d:\d\d", up[0])


def test_the_theme_follows_the_system_until_one_is_chosen(
    browser: Any, groq_and_mistral: Any
) -> None:
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


def test_no_element_overflows_the_page(browser: Any, groq_and_mistral: Any) -> None:
    shown(browser, groq_and_mistral.url, 2, width=3840)
    for width in (3840, 1440, 1024, 768, 360):
        browser.resize(width)
        browser.until("innerWidth === arguments[0]", width)
        assert browser.value(OVERHANG) == 0, width


CHOOSE = """
const control = document.getElementById(arguments[0]);
control.value = arguments[1];
control.dispatchEvent(new Event('input', {bubbles: true}));
"""
BLANK = """
return $$('.chunk').flatMap((chunk) => {
  const box = chunk.getBoundingClientRect();
  if (box.bottom < 0 || box.top > innerHeight) return [];
  const rows = [...chunk.children];
  if (!rows.length) return ['an empty chunk'];
  const seen = (row) => row.offsetHeight > 40 && row.innerText.includes(row.dataset.status);
  return rows.filter((row) => !seen(row)).map((row) => row.outerHTML);
});
"""


def test_the_page_shows_three_hundred_providers(browser: Any, tmp_path: Any) -> None:
    names = [f"provider-{number:03}" for number in range(300)]
    found = {name: good(50.0 + i) for i, name in enumerate(names)}
    found |= {name: bad() for name in names[::29]}
    with house(tmp_path, *names, **found) as built:
        shown(browser, built.url, 40)  # the rows of the first screens alone
        interactive = browser.value("performance.getEntriesByName('shown')[0].startTime")
        browser.run(FIGURES)
        well = {name: good(400.0 - i) for i, name in enumerate(names)}
        built.findings.update(well)
        built.check()
        browser.run(CHOOSE, "order", "ranking")
        first = ranked_by(built)[0]  # which one depends on when each was checked
        now = f"{400 - names.index(first)} ms"
        browser.until(f"{ROW} && {ROW}.innerText.includes('{now}')", first)
        updates = browser.until("figures.length && figures")
        order = "$$('#list .name').map((name) => name.textContent)"
        block_until(lambda: browser.value(order) == ranked_by(built)[: len(browser.value(order))])
    print(
        f"interactive after {interactive:.0f} ms; updates of {[round(ms, 1) for ms in updates]} ms"
    )
    # Loose: the machine has other work. docs/performance.md has the measured figures.
    assert interactive < 30_000
    assert min(updates) < 1_000


def test_no_row_is_blank_at_any_scroll_position(browser: Any, tmp_path: Any) -> None:
    names = [f"provider-{number:03}" for number in range(300)]
    found = {name: good(50.0 + i) for i, name in enumerate(names)}
    found |= {name: bad() for name in names[::29]}
    with house(tmp_path, *names, **found) as built:
        for order in ("status", "uptime", "name"):
            shown(browser, built.url, 40)  # its rows are still to be made
            browser.run(CHOOSE, "order", order)
            for share in (0.02, 0.4, 1.0, 0.7, 0.0):
                browser.run("scrollTo(0, arguments[0] * document.body.scrollHeight)", share)
                block_until(lambda: browser.run(BLANK) == [])
                assert browser.value("$$('.row').length") < 200


def test_rows_are_created_only_when_scrolled_near(browser: Any, tmp_path: Any) -> None:
    names = [f"provider-{number:04}" for number in range(1_200)]
    with house(tmp_path, *names) as built:
        shown(browser, built.url, 40)
        # Those that are not made yet take up their place: the scroll bar tells the truth.
        assert browser.value("document.documentElement.scrollHeight") > 1_200 * 40
        browser.run(CHOOSE, "filter", "provider-11")
        browser.until("$('#shown').textContent === '100 of 1,200 providers'")
        first = browser.until(
            "$('.row .name').textContent.startsWith('provider-11') && $('.row .name').textContent"
        )
        assert first == "provider-1100"


def test_without_javascript_the_page_is_a_plain_table(browser: Any, tmp_path: Any) -> None:
    with house(tmp_path, "groq", HOSTILE, **{HOSTILE: bad()}) as built:
        browser.command("Emulation.setScriptExecutionDisabled", value=True)
        try:
            browser.open(built.url)
            block_until(lambda: browser.driver.find_elements("css selector", "tbody tr"))
            table = browser.driver.find_element("css selector", "table")
            assert browser.driver.current_url == built.url + "plain"
            rows = [row.text for row in table.find_elements("css selector", "tbody tr")]
        finally:
            browser.command("Emulation.setScriptExecutionDisabled", value=False)
    assert rows[0].startswith("1 groq healthy last check ok in 100 ms 100.0 ms")
    assert rows[1].startswith("– <img src=x onerror=")


def test_the_plain_page_is_rendered_once_per_snapshot(groq_and_mistral: Any) -> None:
    with httpx.Client(base_url=groq_and_mistral.url, verify=PLAIN) as client:
        answer = client.get("plain")
        known = {"If-None-Match": answer.headers["ETag"]}
        assert client.get("plain", headers=known).status_code == 304
        groq_and_mistral.check("groq")
        assert client.get("plain", headers=known).status_code == 200
