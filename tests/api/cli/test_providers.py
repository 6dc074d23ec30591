"""``providers`` shows no key, wherever somebody pasted it."""

from pathlib import Path

import pytest

from api.cli.providers import providers

KEY = "sk-canary-Ab3dE9fGh1JkLm2NpQr"


@pytest.mark.parametrize("form", [{}, {"json": True}, {"quiet": True}])
def test_a_key_in_a_name_or_a_url_is_masked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: dict[str, bool],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOME_KEY", KEY)
    (tmp_path / "tracker.toml").write_text(
        f'[tracker]\ndiscover = false\n[providers."own-{KEY}"]\nkind = "openai"\n'
        f'base_url = "http://127.0.0.1:1/{KEY}/v1"\napi_key_env = "SOME_KEY"\n'
    )
    assert providers(**form) == 0
    said = capsys.readouterr().out
    assert "own-***" in said
    assert "Ab3dE9fGh1Jk" not in said
