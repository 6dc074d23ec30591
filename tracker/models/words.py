"""The words in model ids that the built-in naming rules know, as data. Every list is closed."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# How an offer is served, wherever it stands in an id: number format, file format, price, and the
# context that Groq wrote behind ("llama3-70b-8192").
PACKAGING = _words(
    "instruct versatile specdec tput tee free maas hf serverless fp4 fp8 fp16 bf16 nvfp4 mxfp4"
    " mxfp8 int4 int8 w4a16 w8a8 w8a16 awq gptq gguf ggml mlx onnx exl2 exl3 bnb 4bit 8bit"
    " quantized dynamic qat nf4 hqq aqlm 8192 32768 131072"
)

# Words for speed. Some vendors use them in model names (gpt-4-turbo, grok-4-fast), so they
# count as packaging only after a size, or in the families listed here.
SPEEDS = _words("turbo fast instant lite")
SPEED_FAMILIES = {
    "fast": _words("deepseek kimi glm minimax"),
    "turbo": frozenset({"deepseek"}),
}

# Packaging only after a size ("jais-30b-chat", "671b-cloud"); "gpt-5-chat" is a model.
BEHIND_SIZE = frozenset({"chat", "cloud"})

# Total sizes that only one model of a family has, so they add nothing to the name.
SOLE_SIZES = {
    "deepseek": _words("671b 685b"),
    "glm": _words("106b 355b 357b 358b"),
    "kimi": _words("1t 1.1t"),
    "minimax": _words("229b 230b 456b"),
}
# The same for a model named by a word in addition to its family.
SOLE_SIZES_BEHIND = {"nemo": _words("12b")}
# Nemotron 3's models are named by a word as well; Nano has a second, smaller size.
NAMED_NEMOTRONS = {"nano": "30b", "super": "120b", "ultra": "550b"}
# Llama 4's models are named by a word; what follows is the size of their active part, or of all.
NAMED_LLAMAS = _words("scout maverick")

# What routers and Ollama write behind a colon; behind a hyphen some name a model.
TAGS = _words(
    "beta cheapest cloud exacto extended fastest floor free latest nitro online"
    # who serves it, as Hugging Face's router takes it
    " baseten cerebras cohere featherless-ai fireworks-ai groq hf-inference hyperbolic nebius"
    " novita nscale ovhcloud public-ai sambanova scaleway together wavespeed zai-org"
)

# Vendors that stand with a hyphen before a family's own name ("meta-llama-3.1-8b"). Not those that
# are families as well: "mistral-nemotron" is a model.
VENDORS = _words(
    "ai21 alibaba amazon anthropic c4ai cohere databricks google ibm labs meta microsoft mistralai"
    " moonshotai nvidia open openai writer xai zai"
)
# The families such a vendor is dropped before.
FAMILIES = _words(
    "aya claude codestral command deepseek devstral embed gemini gemma glm gpt granite grok jamba"
    " kimi llama magistral minimax ministral mistral mixtral nemotron nova paligemma palmyra phi"
    " pixtral qwen titan voxtral"
)
# Vendors that Bedrock and GitHub write with a dot before the id ("us.anthropic.claude-…").
DOT_VENDORS = _words(
    "ai21 amazon anthropic cohere deepseek google luma meta minimax mistral moonshot moonshotai"
    " nvidia openai qwen stability twelvelabs writer xai zai"
)
REGIONS = _words("us eu ap apac au ca jp us-gov global")

# Last parts of an id that mean something different at every vendor; these keep the vendor.
GENERIC = _words("auto best chat code default free fast model router search")

# Families that write their version without a hyphen: qwen3, lfm2.
GLUED = frozenset({"lfm", "qwen"})

# Words in the ids of models that a chat completion cannot test, by what the models do.
OTHER_TASKS = {
    "image generation": _words(
        "image flux diffusion sdxl dall imagen seedream kolors upscaler recraft"
    ),
    "video": _words("video sora veo cosmos wan hailuo kling bevformer streampetr sparsedrive"),
    "embeddings": _words("embed embedding embeddings embedcode bge gte nemoretriever minilm"),
    "reranking": _words("rerank reranker ranker"),
    "speech": _words("tts whisper asr transcribe orpheus parakeet voicechat studiovoice speech"),
    "music": _words("lyria music"),
    "moderation": _words("moderation guard safeguard safety shieldgemma"),
    "detection": _words("pii detector detection"),
    "molecular biology": _words("esm esmfold"),
}
