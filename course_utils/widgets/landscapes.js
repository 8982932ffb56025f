// Surfaces for optimizers to race on, with their gradients. landscapes.py has the same formulas; a
// test compares the two.

const HALF = Math.SQRT1_2;
const sigmoid = (t) => 1 / (1 + Math.exp(-t));
const BEALE = [1.5, 2.25, 2.625];

export const LANDSCAPES = {
  ravine: {
    value: (x, y) => (x * x + 40 * y * y) / 2,
    gradient: (x, y) => [x, 40 * y],
  },
  turned: {
    value: (x, y) => LANDSCAPES.ravine.value(HALF * (x + y), HALF * (y - x)),
    gradient: (x, y) => {
      const [u, v] = LANDSCAPES.ravine.gradient(HALF * (x + y), HALF * (y - x));
      return [HALF * (u - v), HALF * (u + v)];
    },
  },
  saddle: {
    value: (x, y) => x * x / 2 - y * y / 2 + y ** 4 / 8 + 1 / 2,
    gradient: (x, y) => [x, -y + y ** 3 / 2],
  },
  rosenbrock: {
    value: (x, y) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    gradient: (x, y) => [2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)],
  },
  beale: {
    value: (x, y) => BEALE.reduce((sum, c, i) => sum + (c - x + x * y ** (i + 1)) ** 2, 0),
    gradient: (x, y) => BEALE.reduce(([dx, dy], c, i) => {
      const rest = c - x + x * y ** (i + 1);
      return [dx + 2 * rest * (y ** (i + 1) - 1), dy + 2 * rest * (i + 1) * x * y ** i];
    }, [0, 0]),
  },
  cliffs: {
    value: (x, y) => 1.5 * (sigmoid((x - 0.6) / 0.08) + sigmoid((-2.2 - x) / 0.08)) +
      0.1 * (Math.sqrt(1 + (x + 0.8) ** 2 + y * y) - 1),
    gradient: (x, y) => {
      const [right, left] = [sigmoid((x - 0.6) / 0.08), sigmoid((-2.2 - x) / 0.08)];
      const far = Math.sqrt(1 + (x + 0.8) ** 2 + y * y);
      return [
        (1.5 / 0.08) * (right * (1 - right) - left * (1 - left)) + (0.1 * (x + 0.8)) / far,
        (0.1 * y) / far,
      ];
    },
  },
  valleys: {
    value: (x, y) => 0.2 * (x * x + y * y) + 0.4 * (2 - Math.cos(3 * x) - Math.cos(3 * y)),
    gradient: (x, y) => [x, y].map((w) => 0.4 * w + 1.2 * Math.sin(3 * w)),
  },
};

/** Catmull and Rom's weights of the four grid lines around a place, and their derivatives. */
function cubic(place, count) {
  const first = Math.max(0, Math.min(count - 2, Math.floor(place)));
  const t = place - first;
  const weights = [
    (-(t ** 3) + 2 * t * t - t) / 2, (3 * t ** 3 - 5 * t * t + 2) / 2,
    (-3 * t ** 3 + 4 * t * t + t) / 2, (t ** 3 - t * t) / 2,
  ];
  const slopes = [
    (-3 * t * t + 4 * t - 1) / 2, (9 * t * t - 10 * t) / 2, (-9 * t * t + 8 * t + 1) / 2,
    (3 * t * t - 2 * t) / 2,
  ];
  for (const w of [weights, slopes]) {
    // A line beyond the edge is twice the edge less its neighbor.
    if (first === 0) [w[0], w[1], w[2]] = [0, w[1] + 2 * w[0], w[2] - w[0]];
    if (first === count - 2) [w[1], w[2], w[3]] = [w[1] - w[3], w[2] + 2 * w[3], 0];
  }
  return { first, weights, slopes };
}

/** The smooth surface through the values of a grid, whose row i lies at the i-th y. */
export function grid(surface, [x0, x1, y0, y1]) {
  const [rows, columns] = [surface.length, surface[0].length];
  const around = (x, y) => [
    cubic(((x - x0) / (x1 - x0)) * (columns - 1), columns),
    cubic(((y - y0) / (y1 - y0)) * (rows - 1), rows),
  ];
  function sum(along, wx, down, wy) {
    let total = 0;
    for (let j = 0; j < 4; j++) {
      for (let i = 0; i < 4; i++) {
        const weight = wx[i] * wy[j];
        if (weight) total += weight * surface[down.first + j - 1][along.first + i - 1];
      }
    }
    return total;
  }
  return {
    value: (x, y) => {
      const [along, down] = around(x, y);
      return sum(along, along.weights, down, down.weights);
    },
    gradient: (x, y) => {
      const [along, down] = around(x, y);
      return [
        sum(along, along.slopes, down, down.weights) * (columns - 1) / (x1 - x0),
        sum(along, along.weights, down, down.slopes) * (rows - 1) / (y1 - y0),
      ];
    },
  };
}
