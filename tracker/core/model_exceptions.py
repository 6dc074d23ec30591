"""Names of models that no rule can tell, as data: the vendors' own tables of names.

A rule cannot know that "devstral-2512" is the 123B model, or that one snapshot only was made.
"""

# An id without its vendor's path, lower case → what is read in its place.
IDS = {
    "deepseek.v3-v1:0": "deepseek-v3.1",  # Bedrock's "v3" is V3.1
}

# A common name as the rules leave it → the common name it stands for.
NAMES = {
    "devstral-2-123b": "devstral-2512",
    "devstral-2-123b-2512": "devstral-2512",
    "devstral-small-2-24b": "devstral-small-2512",
    "devstral-small-2-24b-2512": "devstral-small-2512",
    "ministral-3-3b": "ministral-3b-2512",
    "ministral-3-8b": "ministral-8b-2512",
    "ministral-3-14b": "ministral-14b-2512",
    "ministral-3-3b-2512": "ministral-3b-2512",
    "ministral-3-8b-2512": "ministral-8b-2512",
    "ministral-3-14b-2512": "ministral-14b-2512",
    "mistral-large-3-675b": "mistral-large-2512",
    "mistral-large-3-675b-2512": "mistral-large-2512",
    "mistral-medium-3": "mistral-medium-2505",
    "mistral-medium-3.1": "mistral-medium-2508",
    "mistral-medium-3.5": "mistral-medium-2604",
    "mistral-medium-3.5-128b": "mistral-medium-2604",
    "mistral-nemo-2407": "mistral-nemo",
    "mistral-small-24b-2501": "mistral-small-2501",
    "mistral-small-3.1-24b": "mistral-small-2503",
    "mistral-small-3.1-24b-2503": "mistral-small-2503",
    "mistral-small-3.2-24b": "mistral-small-2506",
    "mistral-small-3.2-24b-2506": "mistral-small-2506",
    "mistral-small-4-119b-2603": "mistral-small-2603",
    "mixtral-8x7b-v0.1": "mixtral-8x7b",
    "mixtral-8x22b-v0.1": "mixtral-8x22b",
    "pixtral-12b-2409": "pixtral-12b",
    "pixtral-large-2411": "pixtral-large",
    "command-a-03-2025": "command-a",
    "north-mini-code-1.0": "north-mini-code",
    "kimi-k2-0711": "kimi-k2",
    "kimi-k2-1t": "kimi-k2",
    "llama-4-scout-17b": "llama-4-scout",
    "llama-4-maverick-17b": "llama-4-maverick",
    "nemotron-3-nano-30b": "nemotron-3-nano",
    "nemotron-3-super-120b": "nemotron-3-super",
    "nemotron-3-120b": "nemotron-3-super",
    "nemotron-3-ultra-550b": "nemotron-3-ultra",
    "nemotron-3-nano-omni-30b-reasoning": "nemotron-3-nano-omni",
    "deepseek-v3-671b": "deepseek-v3",
    "deepseek-v3.1-671b": "deepseek-v3.1",
    "deepseek-r1-671b": "deepseek-r1",
    "cogito-2.1-671b": "cogito-v2.1-671b",
    "claude-sonnet-3.5-v2-2024-10-22": "claude-sonnet-3.5-2024-10-22",
    "gemini-2.0-flash-001": "gemini-2.0-flash",
    "gemini-2.0-flash-lite-001": "gemini-2.0-flash-lite",
    "gpt-35-turbo": "gpt-3.5-turbo",
}
