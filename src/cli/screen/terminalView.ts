import type { SingleBar } from 'cli-progress';
import type { RunObserver } from '../../run/runPorts.js';
import type { StartInfo } from '../../run/startInfo.js';
import type { Figures } from '../../shared/text/json.js';
import { printableLine, printableText } from '../../shared/text/printable.js';
import { quoted } from '../../shared/text/shellWord.js';
import { ConversionBar } from './conversionBar.js';
import { amount, duration, figure, rate } from './format.js';
import { progressBar } from './progressBar.js';

/** Milliseconds between two lines within an epoch, where there is no terminal for a bar. */
const plainInterval = 10_000;

/** Milliseconds between two pictures of the bar: drawing must not cost a step its time. */
const frameInterval = 100;

/** Shows a run on a stream: on a terminal with a bar for the epoch, else in plain lines. */
export function runView(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }): RunObserver & { close(): void } {
  const bar = stream.isTTY ? new EpochBar(stream) : undefined;
  let info: StartInfo | undefined;
  let pace = new Pace();
  let means = new EpochMeans();
  const say = (line: string): void => {
    bar?.clear();
    stream.write(`${printableText(line)}\n`);
  };
  const converting = new ConversionBar(stream, say);
  return {
    onConverting: (conversion) => converting.show(conversion),
    onListening({ address, workers, startsWorkers, keyFile }) {
      const command = `bpnn-dist worker --connect ${address}${keyFile === undefined ? '' : ` --key ${quoted(keyFile)}`}`;
      say(
        startsWorkers ? `starting ${amount(workers, 'worker')}` : `waiting for ${amount(workers, 'worker')}; start each with: ${command}`,
      );
    },
    onNotice: (line) => say(line),
    onWorkerLine: (name, line) => say(`[${name}] ${printableLine(line)}`),
    onStart(started) {
      info = started;
      for (const line of startLines(started)) say(line);
      pace = new Pace();
    },
    onStep(figures) {
      if (!info) return;
      pace.add(figures.samples);
      means.add(figures);
      const inEpoch = (figures.step % info.stepsPerEpoch) + 1;
      if (bar) bar.show(epochName(figures.epoch, info), means, inEpoch, info, pace);
      else if (pace.isDue(plainInterval))
        say(
          `${epochName(figures.epoch, info)}  step ${inEpoch}/${info.stepsPerEpoch}  ${listFigures(means.figures)}  ${rate(pace.samplesPerSecond)}`,
        );
    },
    onEpoch(figures) {
      if (!info) return;
      bar?.clear();
      say(`${epochName(figures.epoch, info)}  ${listFigures(figures)}  ${rate(pace.samplesPerSecond)}`);
      pace = new Pace();
      means = new EpochMeans();
    },
    close() {
      bar?.clear();
      converting.clear();
    },
  };
}

/** npm leaves onnxruntime-node out, without a word, where its install script cannot download CUDA libraries. */
const slowEngine =
  'it runs in WebAssembly, two to four times slower than onnxruntime-node, which is not there; ' +
  'this brings it in: ONNXRUNTIME_NODE_INSTALL=skip npm install';

function startLines(info: StartInfo): string[] {
  const { samples, workers, spares, epochs } = info;
  const parts = [
    `${samples.train} to train`,
    ...(samples.validation ? [`${samples.validation} to validate`] : []),
    ...(samples.test ? [`${samples.test} to test`] : []),
  ];
  return [
    `network ${info.network}, ${info.parameters} parameters`,
    `samples ${parts.join(', ')}`,
    `global batch ${info.globalBatch} in ${amount(info.shards, 'shard')}, local batch ${info.localBatch}`,
    `${epochs === undefined ? '' : `${amount(epochs, 'epoch')} of `}${amount(info.stepsPerEpoch, 'step')}${epochs === undefined ? ` an epoch, ${info.totalSteps} in all` : ''}`,
    ...(spares > 0 ? [`${amount(spares, 'worker')} more than shards: spares, without work`] : []),
    `engine ${[...new Set(workers.map(({ engine }) => engine))].join(' and ')} in ${amount(workers.length, 'worker')}`,
    ...(workers.some(({ provider }) => provider === 'wasm') ? [slowEngine] : []),
    `run ${info.path}`,
  ];
}

function epochName(epoch: number, { epochs }: StartInfo): string {
  return `epoch ${epoch + 1}${epochs === undefined ? '' : `/${epochs}`}`;
}

const hidden = new Set(['epoch', 'step', 'samples', 'learningRate', 'noiseScale']);

function listFigures(figures: Figures): string {
  const shown = Object.entries(figures).filter(([name]) => !hidden.has(name));
  return shown.map(([name, value]) => `${name} ${figure(value)}`).join('  ');
}

/** Means over the epoch so far, as Keras shows them: a single batch says little. */
class EpochMeans {
  readonly #sums = new Map<string, number>();
  #samples = 0;

  add(figures: Parameters<NonNullable<RunObserver['onStep']>>[0]): void {
    this.#samples += figures.samples;
    for (const [name, value] of Object.entries(figures)) {
      if (value !== null && !hidden.has(name)) this.#sums.set(name, (this.#sums.get(name) ?? 0) + value * figures.samples);
    }
  }

  get figures(): Figures {
    return Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / this.#samples]));
  }
}

/** Samples a second since it was made. */
class Pace {
  readonly #start = performance.now();
  #lastShown = performance.now();
  #samples = 0;

  add(samples: number): void {
    this.#samples += samples;
  }

  get samplesPerSecond(): number {
    return this.#samples / Math.max((performance.now() - this.#start) / 1_000, 1e-9);
  }

  isDue(interval: number): boolean {
    if (performance.now() - this.#lastShown < interval) return false;
    this.#lastShown = performance.now();
    return true;
  }
}

/** A bar for the epoch under way. */
class EpochBar {
  readonly #bar: SingleBar;
  #isActive = false;
  #shownAt = 0;

  constructor(stream: NodeJS.WritableStream) {
    this.#bar = progressBar(stream, '{name} {bar} {value}/{total}  {figures}  {pace}  {left} left');
  }

  show(name: string, means: EpochMeans, inEpoch: number, info: StartInfo, pace: Pace): void {
    if (this.#isActive && performance.now() - this.#shownAt < frameInterval) return;
    this.#shownAt = performance.now();
    const remaining = Math.max(0, info.stepsPerEpoch - inEpoch) * info.globalBatch;
    const payload = {
      name,
      figures: listFigures(means.figures),
      pace: rate(pace.samplesPerSecond),
      left: duration(remaining / pace.samplesPerSecond),
    };
    if (this.#isActive) this.#bar.update(inEpoch, payload);
    else this.#bar.start(info.stepsPerEpoch, inEpoch, payload);
    this.#isActive = true;
  }

  /** Takes the bar away, so that a line can stand in its place; the next step brings it back. */
  clear(): void {
    if (this.#isActive) this.#bar.stop();
    this.#isActive = false;
  }
}
