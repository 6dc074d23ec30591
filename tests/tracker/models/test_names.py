"""The rules of model names: what is one model, what is another, and what is packaging."""

from pathlib import Path

import pytest

from benchmarks.model_names import read_known, score
from tracker.models.irregular_names import IDS, NAMES
from tracker.models.names import LONGEST_ID, ModelName, parse_model_id

MODELS = Path(__file__).parents[2] / "data" / "models.csv"

SAME = [
    ("llama-3.3-70b-versatile", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    ("llama-3.3-70b", "accounts/fireworks/models/llama-v3p3-70b-instruct"),
    ("llama-3.3-70b", "us.meta.llama3-3-70b-instruct-v1:0"),
    ("llama-3.3-70b", "databricks-meta-llama-3-3-70b-instruct"),
    ("llama-3.3-70b", "@cf/meta/llama-3.3-70b-instruct-fp8-fast"),
    ("llama-3.1-8b", "llama3.1:8b-instruct-q4_K_M"),
    ("llama-4-scout", "meta.llama4-scout-17b-instruct-v1:0"),
    ("qwen3-8b", "hf.co/unsloth/Qwen3-8B-GGUF:Q4_K_M"),
    ("qwen-2.5-coder-32b", "Qwen/Qwen2.5-Coder-32B-Instruct-GPTQ-Int4"),
    ("qwen3-235b-a22b-2507", "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8"),
    ("qwen3-30b", "Qwen/Qwen3-30B-A3B"),
    ("gemma-3-27b", "RedHatAI/gemma-3-27b-it-quantized.w4a16"),
    ("claude-opus-4.5", "us.anthropic.claude-opus-4-5-20251101-v1:0"),
    ("claude-opus-4.1", "claude-opus-4-1@20250805"),
    ("claude-sonnet-4.5", "anthropic--claude-4.5-sonnet"),
    ("claude-3-5-sonnet-20241022", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
    ("deepseek-r1", "us.deepseek.r1-v1:0"),
    ("deepseek-v3.1", "deepseek.v3-v1:0"),
    ("deepseek-v3-0324", "deepseek/deepseek-chat-v3-0324"),
    ("mixtral-8x7b", "mistral.mixtral-8x7b-instruct-v0:1"),
    ("mistral-small-2506", "mistralai/Mistral-Small-3.2-24B-Instruct-2506"),
    ("nova-pro", "amazon.nova-pro-v1:0"),
    ("gpt-5-chat", "gpt-5-chat-latest"),
    ("gpt-4o-2024-08-06", "gpt-4o-20240806"),
    ("gpt-oss-120b", "openai.gpt-oss-120b-1:0"),
    ("glm-4.6", "hf:zai-org/GLM-4.6"),
    ("gpt-3.5-turbo-16k", "gpt-35-turbo-16k"),
    ("mistral-nemo", "nv-mistralai/mistral-nemo-12b-instruct"),
    ("qwen3-8b", "hf.co/unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL"),
    ("gpt-oss-120b", "openai/gpt-oss-120b:groq"),
    ("llama-3.3-70b", "meta-llama/Llama-3.3-70B-Instruct:fireworks-ai"),
    ("llama-3.3-70b", "unsloth/Llama-3.3-70B-Instruct-NF4"),
    ("llama-3-70b", "llama3-70b-8192"),
    ("gemma-3-27b", "gemma3:27b-it-qat"),
    ("ernie-4.5-21b", "baidu/ERNIE-4.5-21B-A3B-PT"),
    ("llama-4-maverick", "accounts/fireworks/models/llama4-maverick-instruct-basic"),
    ("deepseek-r1", "accounts/fireworks/models/deepseek-r1-basic"),
    ("kimi-k2-0905", "kimi-k2-0905-preview"),
    ("nemotron-3-nano", "nvidia/nemotron-3-nano-30b-a3b:free"),
    ("nemotron-3-super", "nvidia/nemotron-3-super-120b-a12b"),
    ("claude-sonnet-4", "databricks-claude-sonnet-4"),
    ("claude-sonnet-4", "bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0"),
    ("claude-opus-4", "anthropic/claude-4-opus"),
    ("qwen2.5-72b", "qwen2-5-72b-instruct"),
    ("qwen3-coder-480b", "qwen.qwen3-coder-480b-a35b-v1:0"),
    ("mistral-large-2512", "mistral-large-3:675b"),
    ("ministral-8b-2512", "mistral.ministral-3-8b-instruct"),
    ("jamba-1.5-large", "ai21-labs/ai21-jamba-1.5-large"),
    ("gemini-2.5-pro", "vertex_ai/gemini-2.5-pro"),
    ("gpt-4o-2024-08-06", "azure/eu/gpt-4o-2024-08-06"),
]

DIFFERENT = [
    ("llama-3.1-8b", "llama-3.1-70b"),
    ("llama-3.1-8b", "llama-3-8b"),
    ("qwen3-0.6b", "qwen3-6b"),
    ("llama-3.1-8b", "llama-3-1.8b"),
    ("gpt-4o", "gpt-4o-mini"),
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    ("gpt-4", "gpt-4-turbo"),
    ("gpt-3.5-turbo", "gpt-3.5-turbo-instruct"),
    ("gpt-5", "gpt-5-chat"),
    ("gpt-4o-mini", "ft:gpt-4o-mini:org::abc"),
    ("grok-4", "grok-4-fast"),
    ("glm-5", "glm-5-turbo"),
    ("glm-4.5", "glm-4.5v"),
    ("glm-4.5", "glm-4.5-air"),
    ("qwen3-32b", "qwen3-vl-32b"),
    ("qwen3-30b-a3b", "qwen3-coder-30b-a3b"),
    ("qwen3-235b-a22b", "qwen3-235b-a22b-2507"),
    ("qwen3-235b-a22b-2507", "qwen3-235b-a22b-thinking-2507"),
    ("deepseek-r1", "deepseek-r1-distill-qwen-32b"),
    ("deepseek-r1", "deepseek-r1-0528"),
    ("deepseek-v3.2", "deepseek-v3.2-exp"),
    ("llama-3.1-8b", "llama-3.1-8b-base"),
    ("kimi-k2", "kimi-k2-0905"),
    ("claude-3-5-sonnet-20240620", "claude-3-5-sonnet-20241022"),
    ("claude-3.7-sonnet", "claude-3.7-sonnet:thinking"),
    ("mistral-7b-instruct-v0.2", "mistral-7b-instruct-v0.3"),
    ("mistralai/mistral-nemotron", "nvidia/nemotron"),
    ("gemini-3.1-flash-lite", "gemini-3.1-flash-lite-preview"),
    ("phi-3-mini-4k-instruct", "phi-3-mini-128k-instruct"),
    ("whisper-large-v3", "whisper-large-v3-turbo"),
    ("openrouter/auto", "another/auto"),
    ("gemma-3-27b-it", "gemma-3-27b-pt"),
    ("mistral-nemo", "mistral-12b"),
    ("kimi-k2", "kimi-k2-turbo-preview"),
    ("kimi-k2-0905", "kimi-k2-thinking"),
    ("gemini-flash-latest", "gemini-2.5-flash"),
    ("gemini-2.5-flash", "gemini-2.5-flash-preview-09-2025"),
    ("gemini-1.5-flash-001", "gemini-1.5-flash-002"),
    ("qwen2.5-7b", "qwen2.5-7b-instruct-1m"),
    ("claude-v2:1", "claude-v2:0"),
    ("llama-3.2-11b", "@cf/meta/llama-3.2-11b-vision-instruct"),
    ("hermes-3-llama-3.1-70b", "llama-3.1-70b"),
    ("nvidia/llama-3.1-nemotron-70b-instruct", "llama-3.1-70b"),
    ("nemotron-nano-9b-v2", "nemotron-nano-12b-v2"),
    ("sonar", "sonar-basic"),
    ("nemotron-3-nano", "nvidia/nemotron-3-nano-4b"),
    ("gpt-35-turbo", "gpt-35-turbo-instruct"),
    ("deepseek-r1-0528", "deepseek-r1-0528-qwen3-8b"),
    ("grok-4-fast", "grok-4-fast-reasoning"),
    ("command-r-plus", "command-r-plus-08-2024"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_model_has_one_name(one: str, other: str) -> None:
    assert parse_model_id(one).name == parse_model_id(other).name


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_model_has_another_name(one: str, other: str) -> None:
    assert parse_model_id(one).name != parse_model_id(other).name


@pytest.mark.parametrize(
    ("model", "name", "variant"),
    [
        ("llama-3.3-70b-versatile", "llama-3.3-70b", "versatile"),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "llama-3.3-70b", "instruct-turbo"),
        ("openai/gpt-oss-120b:free", "gpt-oss-120b", "free"),
        ("llama3.1:8b-instruct-q4_K_M", "llama-3.1-8b", "instruct-q4_k_m"),
        ("gpt-4o", "gpt-4o", None),
        ("openrouter/free", "openrouter-free", None),
        ("claude-3-haiku-20240307", "claude-haiku-3", None),
    ],
)
def test_packaging_is_separated_from_the_name(model: str, name: str, variant: str | None) -> None:
    assert parse_model_id(model) == ModelName(name, variant)


@pytest.mark.parametrize("model", ["", " ", "/", "::", "a b", "模型-7b", "e\u0301/é", "-" * 50])
def test_any_text_has_a_name_that_needs_no_rules(model: str) -> None:
    assert isinstance(parse_model_id(model).name, str)


def test_an_id_of_10_kb_is_taken_as_it_stands() -> None:
    long = "gpt-4o-" * 1_500
    assert parse_model_id(long) == ModelName(long)
    assert len(long) > LONGEST_ID


def test_exceptions_are_few_and_reachable() -> None:
    assert len(IDS) + len(NAMES) < 60
    for name, stands_for in NAMES.items():
        assert parse_model_id(name).name == parse_model_id(stands_for).name == stands_for


def test_known_models_are_merged_as_the_file_says() -> None:
    result = score(read_known(MODELS))
    assert result.passes, (result.precision, result.recall)
    assert result.wrong == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("deepseek-v3.2", "deepseek-v3.2:671b-cloud"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek-r1-0528-685b"),
        ("moonshotai/kimi-k2-thinking", "kimi-k2-thinking:1t"),
        ("llama-4-scout", "meta-llama/Llama-4-Scout-17B-16E-Instruct"),
        ("gemini-2.5-flash", "gemini-2.5-flash-001"),
    ],
)
def test_the_only_size_or_snapshot_of_a_model_may_be_left_out(one: str, other: str) -> None:
    assert parse_model_id(one).name == parse_model_id(other).name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("deepseek-r1", "deepseek-r1-distill-llama-70b"),
        ("deepseek-r1", "deepseek-r1-distill-qwen-32b"),
        ("glm-4-9b", "glm-4-32b"),
        ("llama-4-scout-17b", "llama-4-maverick-17b"),
        ("gemini-1.5-flash-001", "gemini-1.5-flash-002"),
        ("gemini-1.5-flash", "gemini-1.5-flash-001"),
    ],
)
def test_other_sizes_and_snapshots_stay_apart(one: str, other: str) -> None:
    assert parse_model_id(one).name != parse_model_id(other).name
