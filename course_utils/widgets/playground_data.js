// The playground's examples: random numbers, points in the plane, and what a network sees of them.
// playground.py has the same; a test compares the two.

/** The places go from −REACH to REACH on both axes. */
const REACH = 3;
const POINTS = 400;

/** All 32 bits of the result depend on all 32 of the argument. */
function mix(bits) {
  let z = bits | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}

/**
 * Random numbers that are the same in every browser: a counter, mixed (splitmix; Steele, Lea and
 * Flood 2014). Streams of one seed have nothing to do with each other, so that more noise in the
 * data does not change the first weights.
 */
export class Random {
  constructor(seed, stream) {
    this.state = mix(mix(seed) + stream);
  }

  /** Uniform in [0, 1). */
  uniform() {
    this.state = (this.state + 0x9e3779b9) | 0;
    return (mix(this.state) >>> 0) / 2 ** 32;
  }

  /** Normal with mean 0 and standard deviation 1 (Box and Muller). */
  normal() {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A new order, every one equally likely (Fisher and Yates). */
  shuffle(list) {
    for (let i = list.length - 1; i > 0; i--) {
      const j = Math.floor((i + 1) * this.uniform());
      [list[i], list[j]] = [list[j], list[i]];
    }
  }
}

const polar = (radius, angle) => [radius * Math.sin(angle), radius * Math.cos(angle)];

/** A point with this label, +1 or −1, before noise. */
const DATASETS = {
  circle: (label, random) => {
    const u = random.uniform();
    const radius = label > 0 ? 0.5 * Math.sqrt(u) : 0.7 + 0.3 * u;
    return polar(REACH * radius, 2 * Math.PI * random.uniform());
  },
  xor: (label, random) => {
    const [x1, x2] = [0, 0].map(() => REACH * (0.4 + 0.6 * random.uniform()));
    const side = random.uniform() < 0.5 ? 1 : -1;
    return [side * x1, -side * label * x2]; // +1 where exactly one of the two is positive
  },
  gaussians: (label, random) =>
    [0, 0].map(() => label * 0.4 * REACH + 0.15 * REACH * random.normal()),
  spiral: (label, random) => {
    const t = random.uniform();
    return polar(REACH * (0.04 + 0.92 * t), 3.5 * Math.PI * t + (label > 0 ? 0 : Math.PI));
  },
};

/** What the network can be given of a point. */
const INPUTS = {
  "x1": ["x₁", (x1) => x1],
  "x2": ["x₂", (x1, x2) => x2],
  "x1^2": ["x₁²", (x1) => x1 * x1],
  "x2^2": ["x₂²", (x1, x2) => x2 * x2],
  "x1*x2": ["x₁x₂", (x1, x2) => x1 * x2],
  "sin x1": ["sin x₁", (x1) => Math.sin(x1)],
  "sin x2": ["sin x₂", (x1, x2) => Math.sin(x2)],
};

/** The network's view of a place. */
const see = ([x1, x2], inputs) => Float64Array.from(inputs, (name) => INPUTS[name][1](x1, x2));

/** Labeled points, first those for training, then those for testing. */
export function examples({ dataset, noise, share, inputs, seed }) {
  const random = new Random(seed, 1);
  const all = Array.from({ length: POINTS }, (_, i) => {
    const label = i % 2 ? 1 : -1;
    const place = DATASETS[dataset](label, random);
    for (const axis of [0, 1]) place[axis] += (noise / 100) * REACH * random.normal();
    return { place, label, x: see(place, inputs) };
  });
  const border = Math.round((share / 100) * POINTS);
  return { train: all.slice(0, border), test: all.slice(border) };
}
