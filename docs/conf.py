"""How Sphinx builds the site: one theme, no outside host, every warning an error (see build.py)."""

from importlib.metadata import version as version_of

project = "Provider Status Tracker"
copyright = "the maintainers"  # noqa: A001 (Sphinx's name)
release = version = version_of("provider-status-tracker")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
nitpicky = True

html_theme = "furo"
html_title = f"Provider Status Tracker {release}"
html_copy_source = False
html_show_sphinx = False
html_permalinks_icon = "#"
