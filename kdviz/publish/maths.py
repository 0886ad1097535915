"""Formulas as MathML, made while building: a page then needs neither JavaScript nor a network to show them."""

import base64
import io
import re
from functools import cache

from kdviz.publish.needed import folder_of

# What the notebooks write and docutils reads otherwise than LaTeX does.
READ_ALIKE = [
    (r"\\([td]?frac)\s*(\d)(\d)", r"\\\1{\2}{\3}"),  # \frac12 is a half
    (r"\\(bar|hat|tilde)\s*([A-Za-z])", r"{\\\1{\2}{}}"),  # an index after \bar z stands beside it
]
# Latin and Greek, punctuation, letter-like symbols, arrows and operators, brackets, and mathematical letters.
KEPT = [(0x20, 0x7E), (0xA0, 0xFF), (0x370, 0x3FF), (0x2000, 0x214F), (0x2190, 0x23FF), (0x27C0, 0x27EF)]
KEPT += [(0x1D400, 0x1D467), (0x1D49C, 0x1D4CF), (0x1D538, 0x1D56B), (0x1D6A4, 0x1D7FF)]


def mathml(latex: str, block: bool = False) -> str:
    """The MathML of a formula; one that cannot be read is an error that names it."""
    from docutils.utils.math import MathError
    from docutils.utils.math.latex2mathml import tex2mathml

    for pattern, replacement in READ_ALIKE:
        latex = re.sub(pattern, replacement, latex)
    try:
        written = tex2mathml(latex.strip(), as_block=block).replace("\n", " ")
    except (MathError, SyntaxError) as error:
        raise ValueError(f"a formula that docutils cannot turn into MathML ({error}): {latex}") from error
    return re.sub("<mo([^>]*)>‖", r'<mo\1 stretchy="false">‖', written)  # as high as a letter, as in LaTeX


@cache
def font() -> str:
    """A style sheet that brings a mathematical font, STIX Two: not every machine has one, and roots need it."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    drawn = TTFont(folder_of("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf", recalcBBoxes=False)
    subsetter = Subsetter(Options(layout_features=["ssty"], hinting=False, notdef_outline=True))
    subsetter.populate(unicodes=[code for first, last in KEPT for code in range(first, last + 1)])
    subsetter.subset(drawn)
    drawn.flavor, packed = "woff", io.BytesIO()
    drawn.save(packed)
    source = f"data:font/woff;base64,{base64.b64encode(packed.getvalue()).decode()}"
    return f"""@font-face {{ font-family: "STIX Two Math"; src: url("{source}"); }}
math {{ font-family: "STIX Two Math", math; }}
"""


def setup(app) -> dict:
    """As a Sphinx extension: the math renderer ``mathml``."""
    from docutils.nodes import SkipNode

    def inline(translator, node):
        translator.body.append(mathml(node.astext()))
        raise SkipNode

    def block(translator, node):
        translator.body.append(f'<div class="formula">{mathml(node.astext(), block=True)}</div>')
        raise SkipNode

    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
