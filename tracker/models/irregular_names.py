"""Model names that no rule can derive, as data, from the vendors' own tables of names.

A rule cannot know that only one snapshot exists, or which sizes a series has.
"""

# An id without its vendor's path, in lower case → the id to read instead.
IDS = {
    "deepseek.v3-v1:0": "deepseek-v3.1",  # Bedrock's "v3" is V3.1
}

# A common name as derived by the rules → the correct common name.
NAMES = {
    "mistral-nemo-2407": "mistral-nemo",
    "mixtral-8x7b-v0.1": "mixtral-8x7b",
    "mixtral-8x22b-v0.1": "mixtral-8x22b",
    "pixtral-12b-2409": "pixtral-12b",
    "pixtral-large-2411": "pixtral-large",
    "command-a-03-2025": "command-a",
    "north-mini-code-1.0": "north-mini-code",
    "kimi-k2-0711": "kimi-k2",
    "nemotron-3-120b": "nemotron-3-super",
    "nemotron-3-nano-omni-reasoning": "nemotron-3-nano-omni",
    "cogito-2.1-671b": "cogito-v2.1-671b",
    "claude-sonnet-3.5-v2-2024-10-22": "claude-sonnet-3.5-2024-10-22",
}
