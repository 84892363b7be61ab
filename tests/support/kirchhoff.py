"""Arrays as netlists, solved by SciPy: the oracle of the array solvers.

Every segment of a wire is a branch with a current of its own, so that resistances may be zero.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve


@dataclass
class Circuit:
    """Nodes, resistors between them, and cells with a source in series."""

    nodes: int = 0
    known: dict = field(default_factory=dict)
    segments: list = field(default_factory=list)
    cells: list = field(default_factory=list)

    def node(self, voltage=None):
        """A new node, which a source may hold at a voltage."""
        self.nodes += 1
        if voltage is not None:
            self.known[self.nodes - 1] = voltage
        return self.nodes - 1

    def segment(self, start, end, resistance):
        """A piece of wire; returns the number of its current, from ``start`` to ``end``."""
        self.segments.append((start, end, resistance))
        return len(self.segments) - 1

    def line(self, end, segments):
        """Nodes of a wire that begins at the node ``end``, and the number of its first segment."""
        first, nodes = len(self.segments), []
        for resistance in segments:
            nodes.append(self.node())
            self.segment(nodes[-2] if len(nodes) > 1 else end, nodes[-1], resistance)
        return nodes, first

    def cell(self, start, end, conductance, emf=0.0):
        """Its current is ``conductance * (V_start - V_end + emf)``."""
        self.cells.append((start, end, conductance, emf))

    def currents(self):
        """Currents of all segments."""
        rows, cols, values = [], [], []
        right = np.zeros(self.nodes + len(self.segments))

        def put(row, col, value):
            rows.append(row)
            cols.append(col)
            values.append(value)

        for k, (a, b, resistance) in enumerate(self.segments, start=self.nodes):
            put(k, a, 1.0)
            put(k, b, -1.0)
            put(k, k, -resistance)
            for node, sign in ((a, 1.0), (b, -1.0)):
                if node not in self.known:
                    put(node, k, sign)
        for a, b, g, emf in self.cells:
            for node, sign in ((a, 1.0), (b, -1.0)):
                put(node, a, sign * g)
                put(node, b, -sign * g)
                right[node] -= sign * g * emf
        for node, voltage in self.known.items():
            put(node, node, 1.0)
            right[node] = voltage
        size = right.size
        matrix = coo_array((values, (rows, cols)), shape=(size, size)).tocsc()
        return spsolve(matrix, right)[self.nodes :]


def input_source_currents(g, v, wires):
    """Line currents of cells ``(signs, outputs, inputs)`` fed by input lines at ``±v``."""
    signs, outputs, inputs = g.shape
    circuit = Circuit()
    feeds = [
        [
            circuit.line(circuit.node((1 - 2 * s) * v[j]), wires.feed.segments(outputs))[0]
            for j in range(inputs)
        ]
        for s in range(signs)
    ]
    ground, into = circuit.node(0.0), []
    for i in range(outputs):
        line, first = circuit.line(ground, wires.output.segments(inputs))
        into.append(first)
        for s in range(signs):
            for j in range(inputs):
                circuit.cell(feeds[s][j][i], line[-1 - j], g[s, i, j])
    return -circuit.currents()[into]


def separate_source_currents(g, x, segments, *, supply=0.0):
    """Line currents of cells ``(signs, outputs, inputs)`` with supply lines.

    Args:
        g: Conductances; cells whose input is 0 are off.
        x: Inputs. Sources in series with the cells, unless there is a ``supply``.
        segments: Of the lines.
        supply: Voltage of the supply lines, its negative for negative cells.
    """
    signs, outputs, inputs = g.shape
    circuit = Circuit()
    ground, into = circuit.node(0.0), []
    sources = [circuit.node((1 - 2 * s) * supply) for s in range(signs)]
    for i in range(outputs):
        line, first = circuit.line(ground, segments.outputs(inputs)[::-1])
        into.append(first)
        for s, source in enumerate(sources):
            feed, _ = circuit.line(source, segments.supplies(inputs))
            for j in range(inputs):
                emf = 0.0 if supply else (1 - 2 * s) * x[j]
                circuit.cell(feed[j], line[-1 - j], g[s, i, j] * (x[j] != 0), emf)
    return -circuit.currents()[into]


def settled_currents(law, g, e, wires):
    """Line currents of cells of any law, where drops and currents have settled on each other.

    They do where wires are of little resistance.

    Args:
        law: Current of a cell of a conductance at a voltage.
        g: Conductances of the cells of each vector, shape (vectors, signs, outputs, inputs).
        e: Voltages of their sources, shape (vectors, signs, 1, inputs).
        wires: Of input and output lines, or segments of supply lines and output lines.
    """
    outputs, inputs = g.shape[-2:]
    if hasattr(wires, "supplies"):
        feed = np.cumsum(wires.supplies(inputs))[np.minimum.outer(*[np.arange(inputs)] * 2)]
        output = wires.outputs(inputs)[::-1]
    else:
        feed = np.cumsum(wires.feed.segments(outputs))[np.minimum.outer(*[np.arange(outputs)] * 2)]
        output = wires.output.segments(inputs)
    shared = np.cumsum(output)[np.minimum.outer(*[np.arange(inputs)[::-1]] * 2)]
    currents = np.zeros(g.shape)
    for _ in range(60):
        fed = currents @ feed if hasattr(wires, "supplies") else feed @ currents
        drops = fed + currents.sum(axis=1, keepdims=True) @ shared
        currents = law(g, e - drops)
    return currents.sum(axis=(1, 3))
