"""deploy/cluster.yaml: what its services run, with their variables, against a real PostgreSQL."""

import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import attrs
import httpx
import pytest
import yaml

from tests.helpers.command_line import Served, ran, serving, watched
from tests.helpers.fake_upstream import FakeUpstream
from tests.helpers.plain_http import PLAIN
from tests.helpers.ports import lasting_port
from tests.helpers.postgres import (
    PostgresServer,
    bin_folder,
    new_database,
    new_files,
    postgres_server,
)
from tests.helpers.programs import find_program
from tests.helpers.waiting import block_until

DEPLOY = Path(__file__).parents[2] / "deploy"
CLUSTER = yaml.safe_load((DEPLOY / "cluster.yaml").read_text())


COMPOSED = {"POSTGRES_PASSWORD": "s3cret", "PROVIDER_STATUS_ADMIN_TOKEN": "a-long-random-text"}
NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
{site}
}}
"""


def composed(text: str) -> str:
    """A value of the compose file as an engine passes it on."""
    return re.sub(
        r"\$\$|\$\{(\w+)[^}]*\}",
        lambda found: COMPOSED[found[1]] if found[1] else "$",
        text,
    )


@attrs.define(eq=False)
class Containers:
    """The services of deploy/cluster.yaml as plain processes: the same commands, variables, files
    and order; ports, and the folder of each, are other ones.
    """

    stack: ExitStack
    folder: Path
    postgres: PostgresServer

    def of(self, name: str) -> tuple[list[str], dict[str, str], Path]:
        """Return a service's command, its environment and its folder."""
        service = CLUSTER["services"][name]
        environment = {key: composed(value) for key, value in service["environment"].items()}
        environment["PGPORT"] = str(self.postgres.port)
        return [composed(word) for word in service["command"]], environment, self.folder_of(name)

    def folder_of(self, name: str) -> Path:
        """Return a service's working folder, with the files that are mounted for it."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        for mount in CLUSTER["services"][name].get("volumes", []):
            source, target = mount.split(":")[:2]
            if source.startswith("."):
                shutil.copy(DEPLOY / source, folder / Path(target).name)
        return folder

    def run(self, name: str) -> None:
        """Run a service that ends, as both that do are started again by each ``up``."""
        command, environment, folder = self.of(name)
        if command[0] == "psql":
            found = subprocess.run(
                [str(bin_folder() / command[0]), *command[1:]],
                check=False,
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert found.returncode == 0, found.stderr
        else:
            done = ran(folder, *command, **environment)
            assert done.code == 0, done.err

    def serve(self, name: str, port: int, provider: str) -> Served:
        command, environment, folder = self.of(name)
        with (folder / "tracker.toml").open("a") as file:
            file.write(f"[tracker]\ndiscover = false\n{provider}\n")
        words = [str(port) if word in {"8001", "8002"} else word for word in command[1:]]
        return self.stack.enter_context(serving(folder, *words, job=command[0], **environment))

    def nginx(self, ports: dict[str, int]) -> str:
        """Start it with the configuration that is mounted; return its URL."""
        folder = self.folder_of("nginx")
        site = (folder / "default.conf").read_text()
        for shipped, port in ports.items():
            assert shipped in site
            site = site.replace(shipped, str(port))
        (folder / "nginx.conf").write_text(NGINX.format(site=site))
        path = find_program("nginx")
        assert path is not None
        process = subprocess.Popen(
            [path, "-p", str(folder), "-c", "nginx.conf"], stderr=subprocess.DEVNULL
        )
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return f"http://127.0.0.1:{ports['8080']}"

    def is_well(self, name: str, port: int) -> bool:
        """Return whether its health check says so."""
        _, python, *words = CLUSTER["services"][name]["healthcheck"]["test"]
        assert python == "python"
        words = [re.sub(r":800[12]/", f":{port}/", word) for word in words]
        return (
            subprocess.run([sys.executable, *words], check=False, stderr=subprocess.DEVNULL)
        ).returncode == 0


@pytest.mark.needs_program("PostgreSQL", "nginx")
def test_what_the_file_starts_works_together(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without an engine: all but images, networks, volumes and limits."""
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(files=new_files(tmp_path_factory)))
        upstream = stack.enter_context(FakeUpstream("well")).url
        provider = watched("well", upstream, check="chat", model="m")
        new_database(postgres, CLUSTER["services"]["postgres"]["environment"]["POSTGRES_DB"])
        rules = postgres.folder / "data" / "pg_hba.conf"
        scram = "host all status_tracker 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(scram + rules.read_text())
        postgres.execute("SELECT pg_reload_conf()")
        containers = Containers(stack, tmp_path, postgres)
        for _ in range(2):  # each `up` runs them again
            containers.run("migrate")
            containers.run("roles")
        ports = {"8001": lasting_port(), "8002": lasting_port(), "8080": lasting_port()}
        one = containers.serve("one", ports["8001"], provider)
        two = containers.serve("two", ports["8002"], provider)
        url = containers.nginx(ports)

        def members(at: str) -> int:
            told = httpx.get(f"{at}/api/cluster", timeout=20.0, verify=PLAIN).json()
            return len(told["members"]) if told["hub_up"] else 0

        block_until(lambda: members(one.url) == members(two.url) == 2)
        assert containers.is_well("one", ports["8001"])
        block_until(
            lambda: (
                httpx.get(f"{url}/api/providers/best", verify=PLAIN).json()["best_provider"]
                == "well"
            )
        )
        one.process.kill()
        one.process.wait()
        assert not containers.is_well("one", ports["8001"])
        answers = [
            httpx.get(f"{url}/api/providers/best", verify=PLAIN).status_code for _ in range(20)
        ]
        assert answers == [200] * 20
        assert postgres.execute(
            "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'status_tracker'"
        ) == [(False, False)]
