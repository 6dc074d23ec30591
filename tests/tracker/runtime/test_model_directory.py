"""tracker.runtime.model_directory: a resolver that follows the snapshots' lists."""

from tests.helpers.idle_tracker import a_provider, a_snapshot
from tracker.runtime.model_directory import ModelDirectory


async def test_the_resolver_is_current_until_a_list_changes() -> None:
    directory = ModelDirectory()
    groq = a_provider("groq")
    snapshot = a_snapshot(groq)
    assert directory.current(snapshot) is None
    resolver = await directory.resolver(snapshot)
    assert directory.current(snapshot) is resolver
    assert directory.current(a_snapshot(groq)) is resolver  # another snapshot, the same lists
    changed = a_snapshot(a_provider("groq", models=("new",)))
    assert directory.current(changed) is None
    after = await directory.resolver(changed)
    assert directory.current(changed) is after
    assert after.resolve("new") is not None


async def test_a_provider_that_came_or_went_makes_it_old() -> None:
    directory = ModelDirectory()
    await directory.resolver(a_snapshot(a_provider("groq")))
    more = a_snapshot(a_provider("groq"), a_provider("mistral"))
    assert directory.current(more) is None
    await directory.resolver(more)
    assert directory.current(a_snapshot(a_provider("groq"))) is None


async def test_new_aliases_make_it_old() -> None:
    directory = ModelDirectory()
    snapshot = a_snapshot(a_provider("groq"))
    await directory.resolver(snapshot)
    assert directory.current(snapshot) is not None
    directory.set_aliases({"fast": ("groq/groq-only",)})
    assert directory.current(snapshot) is None
