"""What conversions choose from, and what they have chosen."""

from torch import nn

from crosssim_torch import analog_modules


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3)
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.ModuleDict({"a": nn.Linear(4, 3), "b": nn.Linear(4, 2)})

    def forward(self, x):
        x = self.body(self.stem(x)).mean((2, 3))
        return self.head["a"](x), self.head["b"](x)


class Custom(nn.Linear):
    def forward(self, input):
        return super().forward(input) * 3.0


def analog_names(model):
    return [n for n, m in model.named_modules() if m in analog_modules(model)]
