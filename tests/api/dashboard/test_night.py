"""The dashboard at night: what is wrong, actions, sleep, updates, and a phone."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import msgspec
import pytest

from api import app
from api.overview import rows
from api.overview.document import Overview
from api.routes import pages
from api.routes.dashboard import DashboardRoutes
from tests.helpers.browser import (
    TOKEN,
    Browser,
    House,
    bad,
    good,
    house,
    needs_chromium,
)
from tests.helpers.waiting import block_until
from tracker.core.outcomes import OutcomeKind
from tracker.core.provider_status import ProviderStatus
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.settings import MaintenanceWindow
from tracker.runtime.long_history import LongHistory
from tracker.runtime.stored_records import StoredRecords

pytestmark = needs_chromium

AXE = Path(__file__).parents[2] / "js" / "vendor" / "axe.min.js"
LIVE = "$('#connection[data-state=live]') !== null"
OPEN_ALL = "for (const each of $$('details')) each.open = true"
JUDGE = """
const done = arguments[arguments.length - 1];
const told = ({id, nodes}) => `${id}: ${nodes.map((node) => node.html).join(' ')}`;
axe.run(document, {resultTypes: ['violations']}).then(
  (found) => done(found.violations.map(told)), (error) => done([String(error)]));
"""
OFFERED = "$('#span .month') && !$('#span .month').disabled"
CHOOSE = "$('#span').value = arguments[0]; $('#span').dispatchEvent(new Event('change'))"
HOUR_LATER = "const real = Date.now.bind(Date); Date.now = () => real() + 3_600_000"


@pytest.fixture
def night(tmp_path: Path) -> Iterator[House]:
    """Yield a tracker with one healthy, one slow, one down and one refused provider."""
    found = {
        "groq": good(120.0),
        "nvidia": attrs.evolve(good(1500.0), kind=OutcomeKind.SLOW),
        "cohere": bad(OutcomeKind.AUTH, "our key or account was refused (401): Invalid API key"),
        "mistral": bad(),
    }
    with house(tmp_path, *found, **found) as built:
        yield built


def look(browser: Browser, url: str, **window: int) -> None:
    browser.open(url, **window)
    browser.until(LIVE)


def complaints(browser: Browser) -> list[str]:
    browser.command("Runtime.evaluate", expression=AXE.read_text(encoding="utf-8"))
    found: list[str] = browser.driver.execute_async_script(JUDGE)
    return found


THEMES = ("light", "dark")
# Of one page each, whose address changes: a load takes as long as axe.
VIEWS = {
    1440: {
        "": "$('.strip path') !== null",
        "provider=mistral": "$('#chart canvas') !== null",
        "models": "$('#model-list li') !== null",
    },
    390: {
        "": "$('.strip path') !== null",
        "provider=groq": "$('#chart canvas') !== null",
        "model=gpt-oss-20b": "$('#model-offers td') !== null",
    },
}


@contextmanager
def preferring(browser: Browser, theme: str) -> Iterator[None]:
    prefer = [{"name": "prefers-color-scheme", "value": theme}]
    browser.command("Emulation.setEmulatedMedia", features=prefer)
    try:
        yield
    finally:
        browser.command("Emulation.setEmulatedMedia", features=[])


@pytest.mark.parametrize("width", VIEWS)
def test_axe_finds_nothing_in_any_view(browser: Browser, night: House, width: int) -> None:
    found = {}
    look(browser, night.url, width=width)
    for place, ready in VIEWS[width].items():
        browser.run("location.hash = arguments[0]", place)
        for theme in THEMES:
            with preferring(browser, theme):
                browser.until(ready)
                browser.run(OPEN_ALL)
                found[place, theme] = complaints(browser)
    assert {view: told for view, told in found.items() if told} == {}


def test_axe_finds_nothing_among_three_hundred(browser: Browser, tmp_path: Path) -> None:
    names = [f"provider-{number:03}" for number in range(300)]
    results = {name: good(50.0 + i) for i, name in enumerate(names)}
    results |= {name: bad() for name in names[::29]}
    found = {}
    with house(tmp_path, *names, **results) as built:
        for theme, width in (("light", 1440), ("dark", 390)):
            with preferring(browser, theme):
                look(browser, built.url, width=width)
                browser.until("$$('.row').length > 10 && $('.strip path') !== null")
                found[theme] = complaints(browser)
    assert found == {"light": [], "dark": []}


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1440)])
def test_axe_finds_nothing_in_months_of_a_cluster(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theme: str, width: int
) -> None:
    """As a cluster would have it, which this tracker is not part of; at last its hub is away."""
    hours, away = 0, ""

    async def long_history(
        records: StoredRecords, names: Collection[str], *, since: datetime, seconds: int
    ) -> LongHistory:
        found = await records.history(tuple(names), since=since, resolution=seconds)
        return LongHistory(history=found, away=away)

    monkeypatch.setattr(StoredRecords, "long_history", long_history)
    monkeypatch.setattr(DashboardRoutes, "_has_hub", True)
    monkeypatch.setattr(app, "Overview", lambda version, health, _: Overview(version, health, True))
    found = {}
    with (
        house(tmp_path, "groq", "mistral", mistral=bad()) as built,
        preferring(browser, theme),
    ):
        for hours, away in ((720, ""), (2160, "the hub cannot be reached")):
            look(browser, built.url, width=width)
            browser.until(OFFERED)
            browser.run(CHOOSE, str(hours))
            browser.until("$('.strip path') !== null && $('#axis-from').innerText.includes('d')")
            found["list", hours] = complaints(browser)
            browser.run("location.hash = 'provider=mistral'")
            button = f"$('[data-hours=\"{hours}\"]')"
            browser.until(f"{button} && !{button}.hidden && ({button}.click(), true)")
            browser.until("$('#chart canvas') !== null")
            browser.until(f"$('#chart-says').innerText.includes({away!r})")
            found["detail", hours] = complaints(browser)
    assert {view: told for view, told in found.items() if told} == {}


def test_axe_finds_nothing_in_the_notices(browser: Browser, night: House) -> None:
    """A busy machine shows one of them whenever it likes."""
    look(browser, night.url)
    browser.run("for (const each of $$('.banner')) each.hidden = false")
    browser.run("$('#unwell-title').textContent = $('#banner').textContent = 'unwell'")
    browser.run("$('#unwell-problems').append(document.createElement('li'))")
    assert complaints(browser) == []


def test_the_text_of_a_row_ends_within_its_cell(browser: Browser, night: House) -> None:
    look(browser, night.url)
    browser.until("$$('.row').length === 4")
    for width in (1024, 1440):
        browser.resize(width)
        browser.run(
            "for (const each of $$('.checks .next')) each.textContent = 'next in 23 h 59 min'"
        )
        over = browser.value("$$('.row .checks').map((e) => e.scrollWidth - e.clientWidth)")
        assert over == [0] * 4


def test_axe_finds_nothing_in_the_forms_for_operators(browser: Browser, night: House) -> None:
    look(browser, night.url)
    browser.until("$('[data-mute]') && ($('[data-mute]').click(), true)")
    browser.until("$('#ask').open")
    assert complaints(browser) == []


@pytest.mark.parametrize("names", [(), ("groq", "mistral")], ids=["nobody", "everybody down"])
def test_axe_finds_nothing_where_nothing_is_usable(
    browser: Browser, tmp_path: Path, names: tuple[str, ...]
) -> None:
    with house(tmp_path, *names, **dict.fromkeys(names, bad())) as built:
        look(browser, built.url)
        if names:
            browser.until("$('#use-name').textContent === 'No provider is usable'")
        else:
            browser.until("!$('#nothing').hidden")
        assert complaints(browser) == []


def test_an_acknowledgement_appears_live(browser: Browser, night: House) -> None:
    look(browser, night.url)
    button = "$$('[data-acknowledge]').find((each) => each.ariaLabel === 'Acknowledge: mistral')"
    browser.until(f"{button} && ({button}.click(), true)")
    browser.until("$('#ask').open")
    submit = "$('#ask .primary').click()"
    browser.run("$('#ask-who').value = 'anna'; $('#ask-token').value = 'wrong-token'")
    browser.run(submit)
    browser.until("$('#ask-says').textContent === 'Not done: the admin token is wrong.'")
    browser.run("$('#ask-token').value = arguments[0]", TOKEN)
    browser.run(submit)
    browser.until("!$('#ask').open")
    browser.until("$('#incidents').textContent.includes('acknowledged by anna')")
    assert not browser.value(f"{button} !== undefined")


def test_a_mute_shows_its_end_and_can_be_ended(browser: Browser, night: House) -> None:
    look(browser, night.url)
    button = "$$('[data-mute]').find((each) => each.dataset.mute === 'mistral')"
    browser.until(f"{button} && ({button}.click(), true)")
    browser.until("$('#ask').open")
    browser.run("$('#ask-length').value = '60'; $('#ask-token').value = arguments[0]", TOKEN)
    browser.run("$('#ask .primary').click()")
    browser.until("$('#incidents').textContent.includes('muted until ')")
    browser.until("!$('#ask').open")


def test_a_page_of_another_version_reloads_itself(
    browser: Browser, night: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(browser, night.url)
    browser.run("sessionStorage.clear(); window.untouched = true")
    night.stop()
    monkeypatch.setattr(pages, "version_of", lambda _: "another")
    night.start()
    browser.until("document.documentElement.dataset.version === 'another'")
    browser.until(f"{LIVE} && $$('.row').length === 4")
    assert browser.value("window.untouched === undefined")


def test_a_user_with_unfinished_input_is_asked_before_the_page_reloads(
    browser: Browser, night: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(browser, night.url + "#provider=groq")
    browser.until("$('#detail').open")
    browser.run("sessionStorage.clear(); window.untouched = true")
    night.stop()
    monkeypatch.setattr(pages, "version_of", lambda _: "another")
    night.start()
    browser.until("!$('#update').hidden")
    assert browser.value("window.untouched")
    browser.run("$('#update-now').click()")
    browser.until("document.documentElement.dataset.version === 'another'")


def test_a_browser_that_slept_fetches_again_and_shows_no_wrong_times(
    browser: Browser, night: House
) -> None:
    look(browser, night.url)
    browser.until("$$('.row').length === 4")
    browser.requested()
    browser.run(HOUR_LATER)  # to the page, an hour has passed between two ticks
    block_until(lambda: any(url.endswith("/events") for url in browser.requested()))
    browser.until(LIVE)
    night.check("groq")
    told = "$('#list').innerText.includes('just now') || $('#list').innerText.match(/\\d s ago/)"
    browser.until(told)
    assert browser.value(f"!!({told})")


def test_maintenance_is_shown_in_row_strip_and_page_of_a_provider(
    browser: Browser, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    spans = {-1: ("groq",), 30: (), -20: ("groq",)}  # hours from now: two hours long
    built = House(tmp_path, ("groq", "mistral"), findings={"groq": bad()})
    built.maintenance = tuple(
        MaintenanceWindow(
            providers=who,
            start=now + timedelta(hours=begin),
            end=now + timedelta(hours=begin + 2),
        )
        for begin, who in spans.items()
    )
    built.start()
    try:
        look(browser, built.url)
        browser.until("$('#maintenance').innerText.startsWith('In maintenance: groq until ')")
        assert "Planned maintenance: all " in browser.text("#maintenance")
        assert browser.text(".care").startswith("In maintenance until ")
        assert browser.value("$$('.care').filter((each) => each.offsetParent).length") == 1
        browser.run("$('#span').value = '24'; $('#span').dispatchEvent(new Event('change'))")
        browser.until(
            "$$('.strip path.care').filter((each) => each.getAttribute('d')).length === 1"
        )
        look(browser, built.url + "#provider=groq")
        browser.until("$$('#detail-maintenance li').length === 3")
        kinds = browser.value("$$('#detail-maintenance li').map((each) => each.innerText)")
        assert [each.partition(":")[0] for each in kinds] == ["over", "in force", "planned"]
        browser.until("$('#chart-says').innerText.includes('grey is maintenance')")
        assert complaints(browser) == []
    finally:
        built.stop()


def test_a_phone_shows_the_first_provider_on_its_first_screen(
    browser: Browser, night: House
) -> None:
    look(browser, night.url, width=390, height=800)
    browser.until("$$('.row').length === 4 && $('.incident')")
    assert browser.value("$('.row').getBoundingClientRect().top") < 650
    assert browser.value("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_limits_bar_is_as_long_as_its_use_and_warns_not_too_early(
    browser: Browser, tmp_path: Path
) -> None:
    used = {"one": 1, "half": 50, "most": 96}
    reset = datetime.now(UTC) + timedelta(hours=1)
    found = {}
    for name, percent in used.items():
        reading = LimitReading(
            name="requests",
            limit=100,
            remaining=100 - percent,
            window_seconds=3600,
            reset_at=reset,
        )
        found[name] = attrs.evolve(good(), limits=(reading,), limits_source=LimitSource.HEADERS)
    with house(tmp_path, *used, **found) as built:
        look(browser, built.url)
        browser.until("$$('.row').length === 3")
        bar = "$(`.row:has([href='#provider=${arguments[0]}']) .meter`)"
        widths = {
            name: browser.value(f"{bar}.firstElementChild.offsetWidth / {bar}.offsetWidth", name)
            for name in used
        }
        tracks = {browser.value(f"{bar}.offsetWidth", name) for name in used}
        classes = {name: browser.value(f"{bar}.className.trim()", name) for name in used}
    assert len(tracks) == 1
    assert widths == {n: pytest.approx(p / 100, abs=0.04) for n, p in used.items()}
    assert classes == {"one": "meter", "half": "meter", "most": "meter full"}


def test_each_vantage_has_a_shape_and_their_common_status_is_shown(
    browser: Browser, night: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a cluster would have it, which this tracker is not part of."""
    view_row = rows.view_row
    seen = (("eu-1", "down", False), ("us-1", "healthy", False), ("ap-1", "healthy", True))

    def as_of_a_cluster(provider: ProviderStatus, cost: float | None) -> rows.Row:
        row = view_row(provider, cost)
        return msgspec.structs.replace(row, vantages=seen, cluster="down from eu-1 (1 of 3)")

    monkeypatch.setattr(rows, "view_row", as_of_a_cluster)
    night.check("groq")
    look(browser, night.url)
    places = "$(`.row:has([href='#provider=groq']) .places`)"
    browser.until(f"{places} && !{places}.hidden")
    assert browser.value(f"[...{places}.querySelectorAll('use')].map((u) => u.href.baseVal)") == [
        "#down",
        "#healthy",
        "#healthy",
    ]
    assert browser.value(f"{places}.innerText").startswith("Down from eu-1 (1 of 3)")
    assert complaints(browser) == []


def test_what_one_vantage_alone_sees_down_is_no_incident_and_is_told(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "Nothing is wrong." above a red row would be false; the cluster has no incident of it."""
    view_row = rows.view_row
    seen = (("eu-1", "down", False), ("us-1", "healthy", False), ("ap-1", "healthy", False))
    down = {"groq"}

    def as_of_a_cluster(provider: ProviderStatus, cost: float | None) -> rows.Row:
        status = "down" if provider.name in down else "healthy"
        return msgspec.structs.replace(view_row(provider, cost), vantages=seen, status=status)

    monkeypatch.setattr(rows, "view_row", as_of_a_cluster)
    with house(tmp_path, "groq", "mistral", groq=good(), mistral=good()) as built:
        look(browser, built.url)
        browser.until(
            "$('#incidents').innerText === 'groq is down from here, not for the cluster.'"
        )
        assert not browser.value("$('#wrong').classList.contains('quiet-night')")
        down.add("mistral")
        built.check("mistral")
        browser.until(
            "$('#incidents').innerText === '2 providers are down from here, not for the cluster.'"
        )
        down.clear()
        built.check("groq")
        built.check("mistral")
        browser.until("$('#incidents').innerText === 'Nothing is wrong.'")


def test_a_model_is_found_with_its_offers(browser: Browser, night: House) -> None:
    look(browser, night.url + "#models")
    browser.until("$('#model-list li') !== null")
    browser.run(
        "$('#model-search').value = 'GPT oss';"
        "$('#model-search').dispatchEvent(new Event('input', {bubbles: true}))"
    )
    browser.until("$$('#model-list a').map((a) => a.textContent).join() === 'gpt-oss-20b'")
    assert browser.text("#model-list").split("\n") == ["gpt-oss-20b", "usable at 2 of 2"]
    browser.run("$('#model-list a').click()")
    browser.until("$$('#model-offers tbody tr').length === 2")
    assert browser.text("#model-summary").startswith("Use groq, 120 ms (a check of its provider).")
    assert " since " in browser.text("#model-offers tbody tr")
    browser.open(night.url + "#model=gpt-9")
    browser.until("$('#model-summary').textContent.includes(\"No watched provider\")")
