"""What a check says of a mistake."""

import pytest

from kdviz import checks


def said(check, *arguments):
    with pytest.raises(checks.Mistake) as caught:
        check(*arguments)
    return str(caught.value)
