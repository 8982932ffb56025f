// The playground's network: forward, backward and update, written out. It knows nothing of drawing.
// A test compares it with course_utils.layers.

/** Each activation, and its slope in terms of its value. */
const ACTIVATIONS = {
  relu: { name: "ReLU", value: (z) => Math.max(0, z), slope: (y) => (y > 0 ? 1 : 0) },
  tanh: { name: "tanh", value: Math.tanh, slope: (y) => 1 - y * y },
  sigmoid: { name: "sigmoid", value: (z) => 1 / (1 + Math.exp(-z)), slope: (y) => y * (1 - y) },
  linear: { name: "linear", value: (z) => z, slope: () => 1 },
};

/**
 * y = f(W x + b), for one example at a time. `backward` adds to the gradients, so that after all
 * examples of a batch they hold its sum.
 */
class Dense {
  constructor(inputs, outputs, activation, random) {
    const bound = 1 / Math.sqrt(inputs);
    const draw = (length) =>
      Float64Array.from({ length }, () => bound * (2 * random.uniform() - 1));
    this.inputs = inputs;
    this.outputs = outputs;
    this.activation = ACTIVATIONS[activation];
    this.weight = draw(outputs * inputs); // one row for each unit
    this.bias = draw(outputs);
    this.dweight = new Float64Array(outputs * inputs);
    this.dbias = new Float64Array(outputs);
    this.y = new Float64Array(outputs);
    this.dx = new Float64Array(inputs);
  }

  forward(x) {
    this.x = x;
    for (let n = 0; n < this.outputs; n++) {
      let z = this.bias[n];
      for (let m = 0; m < this.inputs; m++) z += this.weight[n * this.inputs + m] * x[m];
      this.y[n] = this.activation.value(z);
    }
    return this.y;
  }

  backward(dy) {
    this.dx.fill(0);
    for (let n = 0; n < this.outputs; n++) {
      const dz = dy[n] * this.activation.slope(this.y[n]);
      this.dbias[n] += dz;
      for (let m = 0; m < this.inputs; m++) {
        const i = n * this.inputs + m;
        this.dweight[i] += dz * this.x[m];
        this.dx[m] += dz * this.weight[i];
      }
    }
    return this.dx;
  }
}

/** Hidden layers with one activation, then one tanh unit that answers between −1 and +1. */
export class Network {
  constructor({ inputs, hidden, activation, seed }) {
    const random = new Random(seed, 2);
    const sizes = [inputs.length, ...hidden, 1];
    this.layers = sizes.slice(1).map((size, l) =>
      new Dense(sizes[l], size, l < hidden.length ? activation : "tanh", random));
  }

  forward(x) {
    return this.layers.reduce((h, layer) => layer.forward(h), x)[0];
  }

  backward(dy) {
    this.layers.reduceRight((d, layer) => layer.backward(d), [dy]);
  }

  /** Mean of ½ (ŷ − y)². A network that always answers 0 has ½. */
  loss(batch) {
    return batch.reduce((sum, { x, label }) => sum + (this.forward(x) - label) ** 2, 0) /
      (2 * batch.length);
  }

  /** Gradients of the loss of a batch, left in the layers. */
  differentiate(batch) {
    for (const { dweight, dbias } of this.layers) {
      dweight.fill(0);
      dbias.fill(0);
    }
    for (const { x, label } of batch) this.backward((this.forward(x) - label) / batch.length);
  }

  /**
   * One step of gradient descent, with a penalty on the weights but not on the biases: λ/2 · w² by
   * its gradient, λ · |w| by moving w towards 0 by ηλ, where it stops (the proximal step).
   */
  update({ rate, penalty, strength }) {
    for (const { weight, dweight, bias, dbias } of this.layers) {
      for (let i = 0; i < weight.length; i++) {
        const decay = penalty === "L2" ? strength * weight[i] : 0;
        const w = weight[i] - rate * (dweight[i] + decay);
        const pull = penalty === "L1" ? rate * strength : 0;
        weight[i] = Math.sign(w) * Math.max(0, Math.abs(w) - pull);
      }
      for (let n = 0; n < bias.length; n++) bias[n] -= rate * dbias[n];
    }
  }

  /** Every example once, in a new order. */
  epoch(examples, settings, random) {
    const order = [...examples];
    random.shuffle(order);
    for (let start = 0; start < order.length; start += settings.batch) {
      this.differentiate(order.slice(start, start + settings.batch));
      this.update(settings);
    }
  }
}

/** Data, network and losses of one run; the same settings give the same run. */
export class Run {
  constructor(settings) {
    this.settings = settings;
    Object.assign(this, examples(settings));
    this.network = new Network(settings);
    this.random = new Random(settings.seed, 3);
    this.losses = [];
    this.measure();
  }

  get epochs() {
    return this.losses.length - 1;
  }

  measure() {
    this.losses.push([this.network.loss(this.train), this.network.loss(this.test)]);
  }

  /** One epoch more. */
  advance() {
    this.network.epoch(this.train, this.settings, this.random);
    this.measure();
  }
}
