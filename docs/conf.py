"""The settings of the documentation site, which `make docs` builds with Sphinx."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_site"))

from pygments.lexers.special import TextLexer
from sphinx.highlighting import lexers

import simasgd

project = "simasgd"
version = release = simasgd.__version__
copyright = "the authors of simasgd, MIT licence"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "docstrings",  # of docs/_site, as is the next one
    "notebooks",
]
exclude_patterns = ["_site"]
smartquotes = False  # `--target` in a text keeps both dashes
default_role = "code"  # in the help of commands

# Links to headings are those of the web sites that show Markdown.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

# The theme and the search load nothing from the network, and work from a folder on disk. There, a browser does not let a page
# read other pages, so results of a search show titles and no text around the words.
html_theme = "furo"
html_title = "simasgd"
html_show_search_summary = False
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_last_updated_fmt = None

lexers["csv"] = TextLexer()  # Pygments knows no CSV
