// The update rules of the race, with the course's (and torch's) constants.
//
// A rule is asked once for each of the two weights, with that weight's gradient g and a memory s of
// its own, and gives what is subtracted from the weight. course_utils/optim has the same rules on
// tensors; a test compares the two.

export const RULES = {
  gd: (g, lr) => lr * g,
  sgd: (g, lr) => lr * g,
  momentum: (g, lr, s) => {
    s.v = 0.9 * (s.v ?? 0) + g;
    return lr * s.v;
  },
  nesterov: (g, lr, s) => {
    s.v = 0.9 * (s.v ?? 0) + g;
    return lr * (g + 0.9 * s.v);
  },
  adagrad: (g, lr, s) => {
    s.sum = (s.sum ?? 0) + g * g;
    return (lr * g) / (Math.sqrt(s.sum) + 1e-10);
  },
  rmsprop: (g, lr, s) => {
    s.square = 0.99 * (s.square ?? 0) + 0.01 * g * g;
    return (lr * g) / (Math.sqrt(s.square) + 1e-8);
  },
  adam: (g, lr, s) => {
    s.t = (s.t ?? 0) + 1;
    s.mean = 0.9 * (s.mean ?? 0) + 0.1 * g;
    s.square = 0.999 * (s.square ?? 0) + 0.001 * g * g;
    const root = Math.sqrt(s.square / (1 - 0.999 ** s.t));
    return ((lr / (1 - 0.9 ** s.t)) * s.mean) / (root + 1e-8);
  },
};

/** Pairs of normal numbers, the same for the same seed, after Box and Muller. */
export function noise(seed, count) {
  const random = uniform(seed);
  return Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

/**
 * One optimizer's way: the places, the losses there, and whether it got lost, which ends it. `jolts`
 * are added to the gradients; `within` says whether a place is still on the map.
 */
export function descend({ value, gradient }, start, rule, lr, steps, jolts, within) {
  const memory = [{}, {}];
  let w = start;
  const path = [w];
  while (path.length <= steps && within(w)) {
    const jolt = jolts?.[path.length - 1] ?? [0, 0];
    const g = gradient(...w).map((part, i) => part + jolt[i]);
    w = w.map((part, i) => part - RULES[rule](g[i], lr, memory[i]));
    path.push(w);
  }
  const losses = path.map((place) => (within(place) ? value(...place) : NaN));
  return { path, losses, lost: !within(w) };
}
