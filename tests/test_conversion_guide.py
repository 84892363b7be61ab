"""What the guide to conversion shows works."""

import re
import sys
import types
from pathlib import Path

import pytest

for needed in ("crosssim_devices", "crosssim_torch"):
    pytest.importorskip(needed, reason="the guide uses all packages")

GUIDE = Path(__file__).parents[1] / "docs" / "how-to" / "convert-networks.md"


@pytest.fixture
def module(monkeypatch):
    """A module for the examples, which pickle and registration can find."""
    own = types.ModuleType("conversion_guide")
    monkeypatch.setitem(sys.modules, own.__name__, own)
    return own


# What PyTorch says of its own forward mode.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_the_examples_run_one_after_the_other(module, capsys):
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(examples) >= 4
    exec(compile("\n".join(examples), str(GUIDE), "exec"), vars(module))
    assert "AnalogConv2d" in capsys.readouterr().out


def test_the_guide_tells_every_option():
    from crosssim_torch import LayerOptions

    text = GUIDE.read_text()
    for name in LayerOptions().to_dict():
        assert f"`{name}`" in text or f"{name}=" in text
