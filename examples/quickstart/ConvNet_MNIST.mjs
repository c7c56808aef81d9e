// A small convolutional network that learns to read the handwritten digits of MNIST. It replaces ConvNet_MNIST.py of the
// article: one plain script that the job starts on a node of the cluster. It needs only Node.js, reads data in CNTK text
// format, and reports its progress in the format of CNTK.
//
//   node ConvNet_MNIST.mjs DATA_DIRECTORY MODEL_DIRECTORY [--epochs 2] [--seed 1] [--workers N]
//   node ConvNet_MNIST.mjs DATA_DIRECTORY --evaluate MODEL_FILE
//
// DATA_DIRECTORY contains Train-28x28_cntk_text.txt and Test-28x28_cntk_text.txt. Each line is one image:
//   |labels 0 0 0 0 0 1 0 0 0 0 |features 0 0 3 18 ... (784 whole numbers of 0 to 255, row by row)
// MODEL_DIRECTORY receives ConvNet_MNIST_log.txt and, after each epoch, ConvNet_MNIST_{epoch}.model.json:
//   { "format": "batchai-convnet-mnist/1", "epoch": 0, "parameters": { NAME: { "shape": [...], "values": [...] } } }
// with the names and shapes of PARAMETERS below, values in row-major order.
//
// Training is data-parallel: every minibatch is split into shards, worker threads process them, and the gradients are
// added in the order of the shards. A seed therefore gives the same network on any number of workers.

import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

const CLASSES = 10;
const PIXELS = 28 * 28;
const MINIBATCH = 64;
const SHARDS = 4;
const REPORT_EVERY = 100;
const MODEL_FORMAT = "batchai-convnet-mnist/1";

// Each layer is a convolution, then the largest value of every 2 x 2 square, then a rectifier.
const FIRST = { width: 28, channels: 1, kernel: 5, maps: 8, pooled: 12 };
const SECOND = { width: 12, channels: 8, kernel: 5, maps: 16, pooled: 4 };
const FLAT = SECOND.pooled * SECOND.pooled * SECOND.maps;

const PARAMETERS = {
  "convolution1.weights": [FIRST.maps, FIRST.kernel, FIRST.kernel, FIRST.channels],
  "convolution1.biases": [FIRST.maps],
  "convolution2.weights": [SECOND.maps, SECOND.kernel, SECOND.kernel, SECOND.channels],
  "convolution2.biases": [SECOND.maps],
  "dense.weights": [CLASSES, FLAT],
  "dense.biases": [CLASSES],
};
const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1);
const PARAMETER_COUNT = Object.values(PARAMETERS).reduce((sum, shape) => sum + sizeOf(shape), 0);

// ---- The network ----------------------------------------------------------------------------------------------------

function namedViews(flat) {
  let offset = 0;
  return Object.fromEntries(
    Object.entries(PARAMETERS).map(([name, shape]) => [name, flat.subarray(offset, (offset += sizeOf(shape)))]),
  );
}

function initialise(parameters, random) {
  for (const [name, values] of Object.entries(namedViews(parameters))) {
    if (name.endsWith("biases")) continue;
    const [outputs, ...inputs] = PARAMETERS[name];
    const limit = Math.sqrt((name.startsWith("dense") ? 3 : 6) / sizeOf(inputs));
    for (let i = 0; i < outputs * sizeOf(inputs); i++) values[i] = (random() * 2 - 1) * limit;
  }
}

function createWorkspace() {
  const layer = ({ pooled, maps }) => ({
    output: new Float32Array(pooled * pooled * maps),
    gradient: new Float32Array(pooled * pooled * maps),
    winner: new Uint8Array(pooled * pooled * maps),
  });
  return { input: new Float32Array(PIXELS), first: layer(FIRST), second: layer(SECOND), scores: new Float64Array(10) };
}

// The hot loop: handles the four positions of one square and two maps at a time, to use each loaded number often.
function convolve({ width, channels, kernel, maps, pooled }, input, weights, biases, { output, winner }) {
  const rowStride = width * channels;
  const run = kernel * channels;
  for (let y = 0; y < pooled; y++) {
    for (let x = 0; x < pooled; x++) {
      for (let map = 0; map < maps; map += 2) {
        let a0 = 0,
          a1 = 0,
          a2 = 0,
          a3 = 0;
        let b0 = 0,
          b1 = 0,
          b2 = 0,
          b3 = 0;
        let wa = map * kernel * run;
        let wb = wa + kernel * run;
        for (let row = 0; row < kernel; row++) {
          let upper = (2 * y + row) * rowStride + 2 * x * channels;
          let lower = upper + rowStride;
          for (const end = upper + run; upper < end; upper++, lower++, wa++, wb++) {
            const a = weights[wa],
              b = weights[wb];
            const x0 = input[upper],
              x1 = input[upper + channels],
              x2 = input[lower],
              x3 = input[lower + channels];
            a0 += a * x0;
            a1 += a * x1;
            a2 += a * x2;
            a3 += a * x3;
            b0 += b * x0;
            b1 += b * x1;
            b2 += b * x2;
            b3 += b * x3;
          }
        }
        const at = (y * pooled + x) * maps + map;
        const a = Math.max(a0, a1, a2, a3),
          b = Math.max(b0, b1, b2, b3);
        winner[at] = a === a0 ? 0 : a === a1 ? 1 : a === a2 ? 2 : 3;
        winner[at + 1] = b === b0 ? 0 : b === b1 ? 1 : b === b2 ? 2 : 3;
        output[at] = Math.max(0, a + biases[map]);
        output[at + 1] = Math.max(0, b + biases[map + 1]);
      }
    }
  }
}

// Only the position that won its square has a gradient, and only if the rectifier was open. One loop with a test inside
// would take half as long again, so there are two.
function convolveBack(layer, input, inputGradient, weights, weightGradient, biasGradient, state) {
  const { width, channels, kernel, maps, pooled } = layer;
  const { output, gradient, winner } = state;
  const rowStride = width * channels;
  const run = kernel * channels;
  inputGradient?.fill(0);
  for (let at = 0; at < output.length; at++) {
    const slope = output[at] > 0 ? gradient[at] : 0;
    if (slope === 0) continue;
    const map = at % maps;
    const square = (at - map) / maps;
    const x = 2 * (square % pooled) + (winner[at] & 1);
    const y = 2 * Math.floor(square / pooled) + (winner[at] >> 1);
    let w = map * kernel * run;
    biasGradient[map] += slope;
    let i = y * rowStride + x * channels;
    if (inputGradient) {
      for (let row = 0; row < kernel; row++, i += rowStride - run) {
        for (const end = i + run; i < end; i++, w++) {
          weightGradient[w] += slope * input[i];
          inputGradient[i] += slope * weights[w];
        }
      }
    } else {
      for (let row = 0; row < kernel; row++, i += rowStride - run) {
        for (const end = i + run; i < end; i++, w++) weightGradient[w] += slope * input[i];
      }
    }
  }
}

/** Calculates the probabilities of the ten digits for one image, and returns the most likely digit. */
function recognise(weights, work, data, image) {
  for (let i = 0, from = image * PIXELS; i < PIXELS; i++) work.input[i] = data.images[from + i] / 255;
  convolve(FIRST, work.input, weights["convolution1.weights"], weights["convolution1.biases"], work.first);
  convolve(SECOND, work.first.output, weights["convolution2.weights"], weights["convolution2.biases"], work.second);
  const { scores } = work;
  const dense = weights["dense.weights"];
  for (let digit = 0, w = 0; digit < CLASSES; digit++) {
    let sum = weights["dense.biases"][digit];
    for (let i = 0; i < FLAT; i++, w++) sum += dense[w] * work.second.output[i];
    scores[digit] = sum;
  }
  const highest = Math.max(...scores);
  const best = scores.indexOf(highest);
  let total = 0;
  for (let digit = 0; digit < CLASSES; digit++) total += scores[digit] = Math.exp(scores[digit] - highest);
  for (let digit = 0; digit < CLASSES; digit++) scores[digit] /= total;
  return best;
}

/** Adds the gradient of one image, after a call of `recognise`. */
function learn(weights, gradients, work, label) {
  const flat = work.second.output;
  const flatGradient = work.second.gradient.fill(0);
  for (let digit = 0, w = 0; digit < CLASSES; digit++) {
    const slope = work.scores[digit] - (digit === label ? 1 : 0);
    gradients["dense.biases"][digit] += slope;
    for (let i = 0; i < FLAT; i++, w++) {
      gradients["dense.weights"][w] += slope * flat[i];
      flatGradient[i] += slope * weights["dense.weights"][w];
    }
  }
  for (const [name, layer, input, inputGradient, state] of [
    ["convolution2", SECOND, work.first.output, work.first.gradient, work.second],
    ["convolution1", FIRST, work.input, undefined, work.first],
  ]) {
    convolveBack(
      layer,
      input,
      inputGradient,
      weights[`${name}.weights`],
      gradients[`${name}.weights`],
      gradients[`${name}.biases`],
      state,
    );
  }
}

// ---- Worker threads -------------------------------------------------------------------------------------------------

function serveAsWorker({ index, workers, data, shared }) {
  const weights = namedViews(shared.parameters);
  const work = createWorkspace();
  parentPort.on("message", (task) => {
    if (task.name === "train") trainEpoch(task);
    parentPort.postMessage(task.name === "train" ? { done: true } : { done: true, errors: countErrors() });
  });

  function countErrors() {
    let errors = 0;
    for (let image = index; image < data.test.labels.length; image += workers) {
      if (recognise(weights, work, data.test, image) !== data.test.labels[image]) errors++;
    }
    return errors;
  }

  function trainEpoch({ firstStep, totalSteps, learningRate }) {
    const { order, losses, errors } = shared;
    const steps = Math.ceil(order.length / MINIBATCH);
    for (let step = 0; step < steps; step++) {
      const from = step * MINIBATCH;
      const size = Math.min(MINIBATCH, order.length - from);
      for (let shard = index; shard < SHARDS; shard += workers) learnShard(shard, from, size);
      waitForAll();
      const decay = 1 - (firstStep + step) / totalSteps;
      updateParameters(firstStep + step + 1, learningRate * Math.max(decay, 0.02), size);
      const reportDue = (step + 1) % REPORT_EVERY === 0 || step + 1 === steps;
      if (index === 0 && reportDue) {
        parentPort.postMessage({ minibatches: step + 1, samples: from + size, loss: sum(losses), errors: sum(errors) });
      }
      waitForAll();
    }
  }

  function learnShard(shard, from, size) {
    const gradients = namedViews(shared.gradients[shard].fill(0));
    for (let i = shard; i < size; i += SHARDS) {
      const image = shared.order[from + i];
      const label = data.train.labels[image];
      if (recognise(weights, work, data.train, image) !== label) shared.errors[shard]++;
      shared.losses[shard] -= Math.log(Math.max(work.scores[label], 1e-12));
      learn(weights, gradients, work, label);
    }
  }

  // Adam, each worker on its own part of the parameters.
  function updateParameters(step, rate, size) {
    const { parameters, gradients, momentum, variance } = shared;
    const correctedRate = (rate * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
    for (let i = index; i < PARAMETER_COUNT; i += workers) {
      let gradient = 0;
      for (let shard = 0; shard < SHARDS; shard++) gradient += gradients[shard][i];
      gradient /= size;
      momentum[i] = 0.9 * momentum[i] + 0.1 * gradient;
      variance[i] = 0.999 * variance[i] + 0.001 * gradient * gradient;
      parameters[i] -= (correctedRate * momentum[i]) / (Math.sqrt(variance[i]) + 1e-8);
    }
  }

  function waitForAll() {
    const { barrier } = shared;
    const round = Atomics.load(barrier, 1);
    if (Atomics.add(barrier, 0, 1) === workers - 1) {
      Atomics.store(barrier, 0, 0);
      Atomics.add(barrier, 1, 1);
      Atomics.notify(barrier, 1);
    } else {
      while (Atomics.load(barrier, 1) === round) Atomics.wait(barrier, 1, round);
    }
  }
}

// ---- Data and models ------------------------------------------------------------------------------------------------

function readSamples(file) {
  let text;
  try {
    text = readFileSync(file);
  } catch (error) {
    throw error.code === "ENOENT" ? new Error(`${file} does not exist.`) : error;
  }
  const shortestLine = "|labels  |features ".length + 2 * (CLASSES + PIXELS) - 2;
  const images = new Uint8Array(new SharedArrayBuffer(Math.ceil(text.length / shortestLine) * PIXELS));
  const labels = [];
  for (let start = 0, line = 1; start < text.length; line++) {
    const newline = text.indexOf(0x0a, start);
    const end = newline < 0 ? text.length : newline;
    try {
      if (end > start) labels.push(readSample(text.subarray(start, end), images, labels.length * PIXELS));
    } catch (error) {
      throw new Error(`${file}, line ${line}: ${error.message}`, { cause: error });
    }
    start = end + 1;
  }
  if (labels.length === 0) throw new Error(`${file} contains no samples.`);
  return { labels: Uint8Array.from(labels), images };
}

function readSample(line, images, offset) {
  const oneHot = new Uint8Array(CLASSES);
  readNumbers(line, "|labels", oneHot, 0, CLASSES, 1);
  readNumbers(line, "|features", images, offset, PIXELS, 255);
  if (sum(oneHot) !== 1) throw new Error("exactly one of the labels should be 1.");
  return oneHot.indexOf(1);
}

function readNumbers(line, field, target, offset, expected, most) {
  const at = line.indexOf(`${field} `);
  if (at < 0) throw new Error(`the ${field} field is missing (CNTK text format: |labels 0 1 ... |features 0 255 ...).`);
  let count = 0;
  let value = -1; // no digit yet
  for (let i = at + field.length; i <= line.length; i++) {
    const byte = i < line.length ? line[i] : 0x7c;
    if (byte >= 0x30 && byte <= 0x39) {
      value = Math.max(value, 0) * 10 + byte - 0x30;
      if (value > most) throw new Error(`${field} has a number above ${most}.`);
    } else if (byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x7c) {
      if (value >= 0 && count++ < expected) target[offset + count - 1] = value;
      value = -1;
      if (byte === 0x7c) break;
    } else {
      throw new Error(`${field} has something that is not a whole number of 0 to ${most}.`);
    }
  }
  if (count !== expected) throw new Error(`${field} has ${count} numbers instead of ${expected}.`);
}

function saveModel(file, epoch, parameters) {
  const entries = Object.entries(namedViews(parameters)).map(([name, values]) => {
    return [name, { shape: PARAMETERS[name], values: Array.from(values, (value) => Number(value.toPrecision(9))) }];
  });
  const model = { format: MODEL_FORMAT, epoch, parameters: Object.fromEntries(entries) };
  writeFileSync(`${file}.partial`, JSON.stringify(model));
  renameSync(`${file}.partial`, file);
}

function loadModel(file, parameters) {
  const complaint = (problem) => new Error(`${file} is not a model of this script: ${problem}`);
  let model;
  try {
    model = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw complaint("it is not JSON.");
    throw error;
  }
  if (model?.format !== MODEL_FORMAT) throw complaint(`its format should be ${MODEL_FORMAT}.`);
  for (const [name, target] of Object.entries(namedViews(parameters))) {
    const values = model.parameters?.[name]?.values;
    if (!Array.isArray(values) || values.length !== target.length || !values.every(Number.isFinite)) {
      throw complaint(`${name} should be ${target.length} numbers.`);
    }
    target.set(values);
  }
}

// ---- The training run -----------------------------------------------------------------------------------------------

class Team {
  constructor(size, data) {
    const floats = (length) => new Float32Array(new SharedArrayBuffer(4 * length));
    this.shared = {
      parameters: floats(PARAMETER_COUNT),
      momentum: floats(PARAMETER_COUNT),
      variance: floats(PARAMETER_COUNT),
      gradients: Array.from({ length: SHARDS }, () => floats(PARAMETER_COUNT)),
      losses: new Float64Array(new SharedArrayBuffer(8 * SHARDS)),
      errors: new Float64Array(new SharedArrayBuffer(8 * SHARDS)),
      order: new Int32Array(new SharedArrayBuffer(4 * (data.train?.labels.length ?? 0))),
      barrier: new Int32Array(new SharedArrayBuffer(8)),
    };
    this.threads = Array.from({ length: size }, (_, index) => {
      const thread = new Worker(new URL(import.meta.url), {
        workerData: { index, workers: size, data, shared: this.shared },
      });
      return thread.on("error", (error) => fail(error));
    });
  }

  /** Gives every worker the same task, and resolves with their results. */
  perform(task, onReport) {
    return Promise.all(
      this.threads.map(
        (thread) =>
          new Promise((resolve) => {
            const listener = (message) => {
              if (!message.done) return onReport(message);
              thread.off("message", listener);
              resolve(message);
            };
            thread.on("message", listener).postMessage(task);
          }),
      ),
    );
  }

  async countErrors() {
    return sum((await this.perform({ name: "evaluate" })).map(({ errors }) => errors));
  }

  async close() {
    await Promise.all(this.threads.map((thread) => thread.terminate()));
  }
}

async function train(data, modelDirectory, { epochs, seed, workers }) {
  mkdirSync(modelDirectory, { recursive: true });
  const logFile = join(modelDirectory, "ConvNet_MNIST_log.txt");
  writeFileSync(logFile, "");
  const log = (line) => {
    console.log(line);
    appendFileSync(logFile, `${line}\n`);
  };

  const team = new Team(workers, data);
  const { parameters, order, losses, errors } = team.shared;
  const random = randomNumbers(seed);
  initialise(parameters, random);
  order.forEach((_, index) => (order[index] = index));
  const stepsPerEpoch = Math.ceil(order.length / MINIBATCH);
  log(
    `Training ${PARAMETER_COUNT} parameters in ${Object.keys(PARAMETERS).length} parameter tensors on ` +
      `${order.length} images with ${workers} worker threads, seed ${seed}.`,
  );

  for (let epoch = 0; epoch < epochs; epoch++) {
    const started = performance.now();
    let last = { minibatches: 0, samples: 0, loss: 0, errors: 0 };
    shuffle(order, random);
    losses.fill(0);
    errors.fill(0);
    const task = {
      name: "train",
      firstStep: epoch * stepsPerEpoch,
      totalSteps: epochs * stepsPerEpoch,
      learningRate: 0.003,
    };
    await team.perform(task, (report) => {
      const range = `${`${last.minibatches + 1}`.padStart(4)}-${`${report.minibatches}`.padStart(4)}`;
      log(` Minibatch[${range}]: ${score(report, last)};`);
      last = report;
    });
    const seconds = (performance.now() - started) / 1000;
    log(
      `Finished Epoch[${epoch + 1} of ${epochs}]: [Training] ${score(last)}, ` +
        `accuracy = ${percent(1 - last.errors / last.samples)} ` +
        `${seconds.toFixed(3)}s (${(last.samples / seconds).toFixed(1)} samples/s);`,
    );
    saveModel(join(modelDirectory, `ConvNet_MNIST_${epoch}.model.json`), epoch, parameters);
  }
  await reportAccuracy(team, data.test, log);
}

async function evaluate(data, modelFile, { workers }) {
  const team = new Team(workers, data);
  loadModel(modelFile, team.shared.parameters);
  await reportAccuracy(team, data.test, console.log);
}

async function reportAccuracy(team, { labels }, log) {
  const errors = await team.countErrors();
  await team.close();
  log(`Finished Evaluation: metric = ${percent(errors / labels.length)} * ${labels.length};`);
  log(`test accuracy: ${(100 * (1 - errors / labels.length)).toFixed(1)} %`);
}

/** Mean loss and share of errors (CNTK's "metric") since an earlier report. */
function score(now, before = { samples: 0, loss: 0, errors: 0 }) {
  const samples = now.samples - before.samples;
  const loss = (now.loss - before.loss) / samples;
  const error = (now.errors - before.errors) / samples;
  return `loss = ${loss.toFixed(6)} * ${samples}, metric = ${percent(error)} * ${samples}`;
}

const percent = (share) => `${(share * 100).toFixed(2)}%`;
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** Mulberry32: small, fast and reproducible. */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffle(order, random) {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
}

function fail(error) {
  console.error(`ConvNet_MNIST: ${error.message}`);
  process.exit(1);
}

function wholeNumber(options, name, least, fallback) {
  const value = Number(options[name] ?? fallback);
  if (!Number.isSafeInteger(value) || value < least) throw new Error(`--${name} takes a whole number >= ${least}.`);
  return value;
}

async function main() {
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      epochs: { type: "string" },
      seed: { type: "string" },
      workers: { type: "string" },
      evaluate: { type: "string" },
    },
  });
  const [dataDirectory, modelDirectory] = positionals;
  if (positionals.length !== (options.evaluate === undefined ? 2 : 1)) {
    throw new Error(
      "usage: ConvNet_MNIST.mjs DATA_DIRECTORY MODEL_DIRECTORY [--epochs N] [--seed N] [--workers N], " +
        "or ConvNet_MNIST.mjs DATA_DIRECTORY --evaluate MODEL_FILE",
    );
  }
  const settings = {
    epochs: wholeNumber(options, "epochs", 1, 2),
    seed: wholeNumber(options, "seed", 0, 1),
    workers: Math.min(wholeNumber(options, "workers", 1, availableParallelism()), SHARDS),
  };
  const data = { test: readSamples(join(dataDirectory, "Test-28x28_cntk_text.txt")) };
  if (options.evaluate !== undefined) return evaluate(data, options.evaluate, settings);
  data.train = readSamples(join(dataDirectory, "Train-28x28_cntk_text.txt"));
  return train(data, modelDirectory, settings);
}

if (isMainThread) await main().catch(fail);
else serveAsWorker(workerData);
