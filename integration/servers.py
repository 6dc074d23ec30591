"""The third-party servers, and their configured answers."""

from pathlib import Path

from integration.environments import FAKELLM, LITELLM
from integration.programs import Program
from tests.helpers.ports import lasting_port

MASTER_KEY = "sk-integration-master-0123456789"
WRONG_KEY = "sk-integration-wrong-9876543210"

# No rule: it echoes. (Even if a rule names an error's status, it streams a 200.)
FAKELLM_CONFIG = "version: 1\nrules: []\n"

LITELLM_CONFIG = f"""\
model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_key: none, mock_response: "Hello from LiteLLM"}}
  - model_name: limited
    litellm_params: {{model: openai/limited, api_key: none, mock_response: litellm.RateLimitError}}
  - model_name: broken
    litellm_params:
      {{model: openai/broken, api_key: none, mock_response: litellm.InternalServerError}}
router_settings: {{num_retries: 0}}
general_settings: {{master_key: {MASTER_KEY}}}
litellm_settings: {{telemetry: false, callbacks: []}}
"""

# Each of these would make it fetch something from the internet.
LITELLM_VARIABLES = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_TELEMETRY": "False",
    "DISABLE_ADMIN_UI": "True",
}


def fakellm(folder: Path) -> Program:
    port = lasting_port()
    config = folder / "fakellm.yaml"
    config.write_text(FAKELLM_CONFIG)
    serve: list[str | Path] = [
        FAKELLM.script("fakellm"),
        "serve",
        "--config",
        config,
        "--port",
        str(port),
    ]
    ready = f"http://127.0.0.1:{port}/_fakellm/stats"
    command = [*serve, "--port", str(port)]
    return Program(name="fakellm", command=command, folder=folder, ready=ready)


def litellm(folder: Path) -> Program:
    port = lasting_port()
    config = folder / "litellm.yaml"
    config.write_text(LITELLM_CONFIG)
    serve: list[str | Path] = [LITELLM.script("litellm"), "--config", config, "--host", "127.0.0.1"]
    return Program(
        name="litellm",
        command=[*serve, "--port", str(port), "--telemetry", "False"],
        folder=folder,
        ready=f"http://127.0.0.1:{port}/health/liveliness",
        variables=LITELLM_VARIABLES,
    )
