"""deploy/: every file by its own tool where that is installed, and by what it names everywhere."""

import json
import re
import shutil
import subprocess
from itertools import combinations, product
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml

from api.exports.metrics import collect_families
from tests.helpers.command_line import NOTHING, ran, serving
from tests.helpers.plain_http import PLAIN
from tests.helpers.ports import lasting_port
from tracker.core.clock import utc_now
from tracker.core.ranking import Ranking
from tracker.core.snapshot import Snapshot
from tracker.runtime.completion_budget import BudgetView
from tracker.runtime.diagnostics import DatabaseHealth, TrackerHealth

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
ALERTS = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/provider-status.json").read_text())
CLUSTER = yaml.safe_load((DEPLOY / "cluster.yaml").read_text())
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
UNIT = DEPLOY / "provider-status.service"


def run(*command: object, cwd: Path = PROMETHEUS) -> str:
    found = subprocess.run(
        [str(word) for word in command],
        check=False,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


def rules() -> list[dict[str, Any]]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def queries() -> list[str]:
    """Every query of the dashboard, its variables filled in."""
    targets = [t["expr"] for panel in DASHBOARD["panels"] for t in panel["targets"]]
    asked = [v["query"]["query"] for v in DASHBOARD["templating"]["list"] if v["type"] == "query"]
    return [*(expr.replace("$provider", ".+") for expr in targets), *asked]


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    """The names that /metrics can have."""
    health = TrackerHealth(
        status="ok",
        problems=(),
        running=True,
        ready=True,
        started_at=utc_now(),
        providers_monitored=0,
        database=DatabaseHealth(state="ok"),
        completions=BudgetView(per_day=0, spent=0, resets_at=utc_now()),
        actors={},
        loop_lag_ms=0.0,
        worst_loop_lag_ms=0.0,
        stalls=0,
        actor_restarts=0,
        aggregator_restarts=0,
        writer_restarts=0,
        reports_dropped=0,
        feeds_dropped=0,
        revision=0,
        policy="",
    )
    snapshot = Snapshot(timestamp=utc_now(), revision=0, ranking=Ranking(reason=""))
    families = list(collect_families(snapshot, health))
    return {f.name + ("_total" if f.type == "counter" else "") for f in families}


def used(query: str) -> set[str]:
    return set(re.findall(r"\b(?:probe|llm)_\w+", query))


def test_pages_named_in_the_files_exist() -> None:
    files = (file for file in DEPLOY.rglob("*") if file.is_file())
    named = {page for file in files for page in re.findall(r"docs/[\w/.-]+\.md", file.read_text())}
    assert "docs/how-to/deploy.md" in named
    assert [page for page in named if not (ROOT / page).is_file()] == []


class TestPrometheus:
    @pytest.mark.needs_program("promtool")
    def test_promtool_accepts_rules_and_configuration(self) -> None:
        assert "SUCCESS" in run("promtool", "check", "rules", "alerts.yaml")
        assert "SUCCESS" in run("promtool", "check", "config", "prometheus.yaml")

    @pytest.mark.needs_program("promtool")
    def test_every_alert_fires_when_it_should_and_not_before(self) -> None:
        assert "SUCCESS" in run("promtool", "test", "rules", "alerts_test.yaml")

    def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not(self) -> None:
        tests = yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text())["tests"]
        cases = [case for test in tests for case in test["alert_rule_test"]]
        alerts = {rule["alert"] for rule in rules()}
        assert {case["alertname"] for case in cases if case["exp_alerts"]} == alerts
        assert {case["alertname"] for case in cases if not case["exp_alerts"]} == alerts

    def test_alerts_use_metrics_that_exist(self, metrics: set[str]) -> None:
        for rule in rules():
            assert used(rule["expr"]) <= metrics, rule["alert"]
            assert set(rule["annotations"]) == {"summary", "description"}
            assert rule["labels"]["severity"] in {"info", "warning", "critical"}

    def test_the_scraped_names_are_those_of_a_running_tracker(
        self, metrics: set[str], tmp_path: Path
    ) -> None:
        (tmp_path / "tracker.toml").write_text(NOTHING)
        with serving(tmp_path) as served:
            text = httpx.get(
                f"{served.url}/metrics", headers={"Accept": "text/plain"}, verify=PLAIN
            ).text
        typed = re.findall(r"^# TYPE (\w+) \w+$", text, flags=re.MULTILINE)
        assert set(typed) >= metrics


class TestGrafana:
    def test_queries_use_metrics_that_exist(self, metrics: set[str]) -> None:
        for query in queries():
            assert used(query), query
            assert used(query) <= metrics, query

    @pytest.mark.needs_program("promtool")
    def test_queries_are_sound(self, tmp_path: Path) -> None:
        asked = [query for query in queries() if not query.startswith("label_values")]
        recorded = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(asked)]
        file = tmp_path / "queries.yaml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
        assert f"{len(asked)} rules found" in run("promtool", "check", "rules", file)

    def test_panels_are_numbered_once_and_do_not_overlap(self) -> None:
        panels = DASHBOARD["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        for one, other in combinations((panel["gridPos"] for panel in panels), 2):
            assert not overlap(one, other)
        assert max(p["gridPos"]["x"] + p["gridPos"]["w"] for p in panels) <= 24

    def test_it_finds_the_data_source_that_is_provisioned(self) -> None:
        provisioning = DEPLOY / "grafana/provisioning"
        source = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())
        assert [s["type"] for s in source["datasources"]] == ["prometheus"]
        assert source["datasources"][0]["url"] == "http://prometheus:9090"
        folder = yaml.safe_load((provisioning / "dashboards/provider-status.yaml").read_text())
        mounted = folder["providers"][0]["options"]["path"]
        assert any(v.split(":")[1] == mounted for v in COMPOSE["services"]["grafana"]["volumes"])
        assert {p["datasource"]["uid"] for p in DASHBOARD["panels"]} == {"${datasource}"}


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


class TestContainers:
    """No engine runs here: what can be known without one."""

    def words(self, instruction: str) -> list[str]:
        return [line.partition(" ")[2] for line in DOCKERFILE if line.startswith(instruction)]

    def test_images_name_no_registry_and_a_version(self) -> None:
        named = [service["image"] for service in COMPOSE["services"].values() if "image" in service]
        named += [words.split()[0] for words in self.words("FROM")]
        for image in named:
            assert re.fullmatch(r"[a-z]+(/[a-z]+)?:[v\d][\w.-]+", image), image

    def test_the_container_runs_unprivileged_and_has_a_health_check(self) -> None:
        last = max(n for n, line in enumerate(DOCKERFILE) if line.startswith("FROM"))
        last_stage = DOCKERFILE[last:]
        order = [line.split()[0] for line in last_stage if line and not line.startswith("#")]
        assert order.index("USER") < order.index("ENTRYPOINT")
        assert self.words("USER") == ["10001"]
        assert "/livez" in self.words("HEALTHCHECK")[0]
        assert self.words("ENTRYPOINT") == ['["provider-status"]']

    def test_what_it_copies_exists_and_is_in_the_build_s_context(self) -> None:
        ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        assert "*" in ignored
        for words in self.words("COPY"):
            if words.startswith("--from"):
                continue
            for name, lock in product(words.split()[:-1], ("run", "cluster")):
                source = name.replace("${LOCK}", lock)
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored, source

    def test_the_health_check_is_a_program_that_works(self, tmp_path: Path) -> None:
        check = json.loads(self.words("HEALTHCHECK")[0].partition("CMD ")[2])
        (tmp_path / "tracker.toml").write_text(NOTHING)
        port = str(lasting_port())  # nobody else answers there afterwards
        with serving(tmp_path, "--port", port) as served:
            here = [word.replace("http://127.0.0.1:8000", served.url) for word in check]
            assert subprocess.run(here, check=False, timeout=60).returncode == 0
        assert subprocess.run(here, check=False, timeout=60, capture_output=True).returncode == 1

    def test_its_command_is_valid(self, tmp_path: Path) -> None:
        command = json.loads(self.words("CMD")[0])
        assert command[:3] == ["serve", "--host", "0.0.0.0"]
        (tmp_path / "tracker.toml").write_text(NOTHING)
        token = {"PROVIDER_STATUS_ADMIN_TOKEN": "a-token-0123456789"}
        with serving(tmp_path, *command[1:], **token) as served:
            assert served.ended().code == 0

    @pytest.mark.parametrize("document", [COMPOSE, CLUSTER], ids=["one tracker", "cluster"])
    def test_compose_files_conform_to_their_specification(self, document: Any) -> None:
        schema = json.loads((ROOT / "tests/data/compose/compose-spec.json").read_text())
        validator = jsonschema_rs.validator_for(schema)
        assert [str(error) for error in validator.iter_errors(document)] == []
        name = next(iter(document["services"]))
        wrong = {**document["services"][name], "imagee": "postgres:16"}
        assert not validator.is_valid({**document, "services": {name: wrong}}), "it would be told"

    def test_services_wait_for_existing_services_that_end_or_become_healthy(self) -> None:
        services = CLUSTER["services"]
        for name, service in services.items():
            waits = service.get("depends_on", {})
            for other, how in (dict.fromkeys(waits) if isinstance(waits, list) else waits).items():
                assert other in services, name
                condition = (how or {}).get("condition", "service_started")
                if condition == "service_healthy":
                    assert "healthcheck" in services[other], other
                if condition == "service_completed_successfully":
                    assert services[other]["restart"] == "no", other
            joined = str(service.get("network_mode", "service:postgres")).removeprefix("service:")
            assert joined in services, name

    def test_compose_mounts_what_exists_and_publishes_on_this_machine_only(self) -> None:
        for name, service in COMPOSE["services"].items():
            assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
            for volume in service["volumes"]:
                source = volume.split(":")[0]
                if source.startswith("."):
                    assert (DEPLOY / source).exists(), source
                else:
                    assert source in COMPOSE["volumes"], source
        build = COMPOSE["services"]["tracker"]["build"]
        assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()

    def test_the_cluster_mounts_what_exists_and_publishes_on_this_machine_only(self) -> None:
        services = CLUSTER["services"]
        ports = [port for service in services.values() for port in service.get("ports", [])]
        assert ports == ["127.0.0.1:8080:8080"]
        mounts = [m for service in services.values() for m in service.get("volumes", [])]
        for source in (mount.split(":")[0] for mount in mounts):
            assert (DEPLOY / source).exists() or source in CLUSTER["volumes"], source
        for name in ("one", "two", "migrate"):
            assert services[name]["build"]["args"] == {"LOCK": "cluster"}
        assert "psycopg==" in (ROOT / "requirements" / "cluster.lock").read_text()

    def test_both_trackers_of_the_cluster_read_a_valid_file(self, tmp_path: Path) -> None:
        shutil.copy(DEPLOY / "cluster.toml", tmp_path / "tracker.toml")
        url = {"PROVIDER_STATUS_POSTGRES": "postgresql://status_tracker:x@127.0.0.1/status"}
        assert ran(tmp_path, "config", "check", **url).code == 0


class TestSystemd:
    @pytest.fixture
    def unit(self, tmp_path: Path) -> Path:
        """With a program that exists here: verify looks for it."""
        file = tmp_path / UNIT.name
        here = shutil.which("true")
        file.write_text(
            re.sub(r"^ExecStart=\S+", f"ExecStart={here}", UNIT.read_text(), flags=re.MULTILINE)
        )
        return file

    @pytest.mark.needs_program("systemd-analyze")
    def test_systemd_accepts_the_unit(self, unit: Path) -> None:
        assert run("systemd-analyze", "verify", "--man=no", unit) == ""

    @pytest.mark.needs_program("systemd-analyze")
    def test_the_unit_has_little_exposure(self, unit: Path) -> None:
        """The threshold is in tenths; an ordinary unit has 9.6."""
        options = ("--offline=true", "--no-pager", "--threshold=20")
        assert "exposure level" in run("systemd-analyze", "security", *options, unit)

    def test_the_unit_has_a_watchdog_and_does_not_restart_a_wrong_configuration(self) -> None:
        lines = UNIT.read_text().splitlines()
        for line in ("Type=notify", "WatchdogSec=30", "RestartPreventExitStatus=2"):
            assert line in lines
        assert "ExecReload=/bin/kill -HUP $MAINPID" in lines
