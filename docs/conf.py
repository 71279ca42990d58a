"""Configuration of the documentation; built without a network."""

import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

from heschl import __version__

sys.path.insert(0, str(Path(__file__).parent))  # command_parser

project = "heschl"
author = "the heschl developers"
copyright = "2026, the heschl developers"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinxarg.ext",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
nitpicky = True
suppress_warnings = ["myst.domains"]  # that of sphinx-argparse answers no links in Markdown
nitpick_ignore = [
    ("py:obj", "N_REPEATS"),  # docstrings speak of internals where their readers are inside too
    ("py:obj", "heschl.report.selection.shown_targets"),
    ("py:obj", "NamedTensor"),
    ("py:obj", "Trajectory.scores"),  # an attribute
    ("py:obj", "heschl.dynamics.COLUMNS"),  # listed, but COLUMNS alone is that of results
    ("py:class", "LookupError"),
    ("py:class", "ValueError"),
    ("py:class", "ImportError"),
    ("py:class", "Exception"),
]

# Docstrings say types in words, with shapes and units: they are shown as they are.
smartquotes_action = "D"  # dashes; quotation marks stay as they are
default_role = "py:obj"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]
add_module_names = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"heschl {version}"
html_show_sphinx = False
templates_path = []


def resolve_short_name(app, env, node, contnode):
    """Link a name without its module, such as ``StoreError`` in a docstring, if it is unique."""
    if node.get("refdomain") != "py":
        return None
    domain = env.domains["py"]
    found = domain.find_obj(env, None, None, node["reftarget"], None, 1)
    names = {name for name, entry in found if not entry.aliased}
    if len(names) != 1:
        return None
    full = names.pop()
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", full, node, contnode)


def write_formula(translator, node):
    """Write a formula as MathML, which browsers draw by themselves: no script, no network."""
    block = isinstance(node, nodes.math_block)
    formula = tex2mathml(node.astext(), as_block=block)
    translator.body.append(f'<div class="math">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def keep_sentence(app, what, name, obj, options, lines):
    """Put a property's first sentence together: napoleon took what is before a colon for a type."""
    for i, line in enumerate(lines):
        if what == "property" and line.startswith(":type: "):
            lines[0] = f"{line.removeprefix(':type: ')}: {lines[0]}"
            del lines[i]
            break


def setup(app):
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
    app.connect("missing-reference", resolve_short_name)
    app.connect("autodoc-process-docstring", keep_sentence, priority=600)  # after napoleon
