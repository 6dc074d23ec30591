"""``completion``: a shell script that completes commands, options and provider names."""

from typing import Annotated, Literal

from cyclopts import Parameter

from api.cli.app import make_app
from api.cli.errors import ExitCode

Shell = Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell.")]

NAMED = ("status", "probe", "history", "changes", "tune", "mute")  # commands that take a provider
NAMES = "$(provider-status providers --quiet 2>/dev/null)"
BASH = f"""
_provider_status_names() {{
  _provider_status
  local cur="${{COMP_WORDS[COMP_CWORD]}}"
  case "${{COMP_WORDS[1]}}" in
    {"|".join(NAMED)})
      [[ $COMP_CWORD -gt 1 && "$cur" != -* && ${{#COMPREPLY[@]}} -eq 0 ]] &&
        COMPREPLY=($(compgen -W "{NAMES}" -- "$cur")) ;;
  esac
}}
complete -F _provider_status_names provider-status
"""
ZSH = f"""
_provider_status_names() {{
  case "${{words[2]}}" in
    {"|".join(NAMED)})
      if (( CURRENT > 2 )) && [[ "${{words[CURRENT]}}" != -* ]]; then
        compadd -- ${{(f)"{NAMES}"}}
        return
      fi ;;
  esac
  _provider-status "$@"
}}
compdef _provider_status_names provider-status
"""
FISH = f"""
complete -c provider-status -n '__fish_seen_subcommand_from {" ".join(NAMED)}' \\
    -f -a '(provider-status providers --quiet 2>/dev/null)'
"""
TAILS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def completion(shell: Shell, /) -> int:
    """Print a script that completes commands, options and providers.

    For bash and zsh: `eval "$(provider-status completion bash)"`; for fish:
    `provider-status completion fish | source`.
    """
    described = make_app(in_full=lambda _: False)
    print(described.generate_completion(shell=shell) + TAILS[shell])  # noqa: T201
    return ExitCode.OK
