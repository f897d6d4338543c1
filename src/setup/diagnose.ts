import { existsSync, readFileSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { coreTypeAdvice } from '../engines/blas/coreType.js';
import { findGpus, missingGpu } from '../engines/gpu.js';
import { classifier, type Trial, type TrialRequest } from '../engines/trial/tryEngine.js';
import { tryInProcess } from '../engines/trial/tryInProcess.js';
import type { Device } from '../shared/engine/device.js';
import { installedOnnxCuda, installedTensorflow } from '../shared/files/home.js';
import { longestSocketPath, makeTemporaryFolder } from '../shared/files/temporaryFolder.js';
import { addressAdvice } from '../shared/system/addressSpace.js';
import { memoryBytes, usableCores } from '../shared/system/controlGroup.js';
import { availableBytes, memorySystem } from '../shared/system/memorySystem.js';
import { version } from '../shared/system/version.js';
import { errorMessage } from '../shared/text/errors.js';
import { newKeys } from '../shared/transport/newKeys.js';
import { sockets } from '../shared/transport/sockets.js';

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  /** `missing`: training can do without it. */
  readonly state: 'good' | 'missing' | 'bad';
  readonly says: string;
  /** What to type or do, where something is amiss. */
  readonly advice?: string;
  /** Of an engine that was tried. */
  readonly trial?: Trial;
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** Can a training run here, on what was asked for? */
  readonly canTrain: boolean;
}

interface EngineOnDevice {
  readonly engine: string;
  readonly device: TrialRequest['device'];
  /** How to get it. */
  readonly advice: string;
  /** Where it lies once it is installed, if it needs a GPU beside that. */
  readonly installed?: () => string;
}

/** Engines and what they are tried on. */
const trials: readonly EngineOnDevice[] = [
  { engine: 'blas', device: 'cpu', advice: 'bpnn-dist setup blas' },
  { engine: 'onnx', device: 'cpu', advice: 'npm install onnxruntime-node --ignore-scripts' },
  { engine: 'onnx', device: 'wasm', advice: 'reinstall bpnn-dist: this engine comes with it' },
  { engine: 'onnx', device: 'webgpu', advice: 'a GPU with a Vulkan driver' },
  {
    engine: 'onnx',
    device: 'gpu',
    advice: 'bpnn-dist setup onnx-cuda, on a machine with an NVIDIA GPU and its driver',
    installed: installedOnnxCuda,
  },
  { engine: 'reference', device: 'cpu', advice: 'reinstall bpnn-dist: this engine comes with it' },
  { engine: 'tensorflow', device: 'cpu', advice: 'bpnn-dist setup tensorflow --device cpu' },
  {
    engine: 'tensorflow',
    device: 'gpu',
    advice: 'bpnn-dist setup tensorflow --device gpu, on a machine with an NVIDIA GPU and its driver',
    installed: () => installedTensorflow('gpu'),
  },
];

const needsGpu = 'it is installed; what is missing is an NVIDIA GPU or its driver, see nvidia-smi';

const problems = [
  { ...classifier([128]), count: 32 },
  { ...classifier([1_024, 1_024]), count: 256 },
];

/**
 * Looks at all that training needs, and tries each engine with a real gradient.
 * @param wanted engines or devices that must work for `canTrain`; else any engine will do
 */
export async function diagnose(
  wanted: { readonly engine?: string | undefined; readonly device?: Device | undefined } = {},
): Promise<Diagnosis> {
  const engines: Finding[] = [];
  for (const trial of trials) engines.push(await engineFinding(trial));
  const basics = [
    nodeFinding(),
    memoryFinding(),
    coreFinding(),
    gpuFinding(),
    sharingFinding(),
    await socketFinding(),
    temporaryFinding(),
    ...addressFindings(),
    fileFinding(),
    clockFinding(),
  ];
  const canCompute = trials.some(({ engine, device }, i) => {
    const isEngine = wanted.engine === undefined || wanted.engine === 'auto' || engine === wanted.engine;
    return engines[i]?.state === 'good' && isEngine && isOn(device, wanted.device ?? 'auto');
  });
  return { findings: [...basics, ...engines], canTrain: basics.every(({ state }) => state !== 'bad') && canCompute };
}

/** Does what was tried answer what was asked for? */
function isOn(tried: string, wanted: Device): boolean {
  if (wanted === 'cpu') return tried === 'cpu' || tried === 'wasm';
  return wanted === 'auto' || tried === wanted || (wanted.startsWith('cuda:') && tried === 'gpu');
}

async function engineFinding({ engine, device, advice, installed }: EngineOnDevice): Promise<Finding> {
  const what = `engine ${engine} ${device}`;
  const way = engine === 'onnx' && device === 'cpu' ? 'native' : device;
  const trial = await tryInProcess({ engine, device: way, threads: 1, precision: 'fp32', problems });
  if (!trial.works) {
    const isInstalled = installed !== undefined && existsSync(installed()) && missingGpu() !== undefined;
    return { what, state: 'missing', says: trial.reason, advice: isInstalled ? needsGpu : advice, trial };
  }
  const { library, provider, error } = trial;
  const [smallMs = 0, wideMs] = trial.ms;
  const wide = wideMs === undefined ? '' : `, ${wideMs.toFixed(1)} ms of 784-1024-1024-10 over 256`;
  const says = `${library} on ${provider}: ${smallMs.toFixed(2)} ms a gradient of 784-128-10 over 32 samples${wide}; error ${error.toExponential(0)}`;
  const better = engine === 'blas' ? coreTypeAdvice(library) : undefined;
  return { what, state: 'good', says, ...(better !== undefined && { advice: better }), trial };
}

function nodeFinding(): Finding {
  const says = `Node ${process.version}, bpnn-dist ${version}, ${process.platform} ${process.arch}`;
  if (Number(process.versions.node.split('.')[0]) < 20) return { what: 'node', state: 'bad', says, advice: 'install Node 20 or later' };
  if (process.platform === 'win32') return { what: 'node', state: 'bad', says, advice: 'use WSL' };
  return { what: 'node', state: 'good', says };
}

function memoryFinding(): Finding {
  const free = availableBytes();
  const says = `${gib(free)} of ${gib(memoryBytes())} GiB are free`;
  return free < 2 ** 29
    ? { what: 'memory', state: 'bad', says, advice: 'free half a GiB at least' }
    : { what: 'memory', state: 'good', says };
}

function coreFinding(): Finding {
  const cores = usableCores();
  return {
    what: 'cores',
    state: 'good',
    says: `${cores} x ${cpus()[0]?.model.trim() ?? process.arch}, ${memorySpeed().toFixed(0)} GB/s to memory on one`,
  };
}

/** Gigabytes a second of copying what fits into no cache. */
function memorySpeed(): number {
  const [from, to] = [new Float64Array(4e6).fill(1), new Float64Array(4e6)];
  to.set(from);
  const start = performance.now();
  for (let i = 0; i < 4; i++) to.set(from);
  return (4 * 2 * from.byteLength) / ((performance.now() - start) * 1e6);
}

function gpuFinding(): Finding {
  const found = findGpus();
  if (typeof found === 'string') return { what: 'gpus', state: 'missing', says: found };
  const names = found.devices.map(
    ({ name, memoryBytes, capability }) => `${name} (${gib(memoryBytes)} GiB, compute capability ${capability})`,
  );
  return { what: 'gpus', state: 'good', says: `${names.join(', ')}; the driver knows CUDA ${found.cuda}` };
}

function sharingFinding(): Finding {
  const what = 'shared memory';
  const advice = 'workers of up are then reached over sockets, which takes longer for small networks';
  try {
    memorySystem().close(memorySystem().create(2 ** 20));
    return { what, state: 'good', says: 'can be made, and steps handed over by futex' };
  } catch (error) {
    return { what, state: 'missing', says: errorMessage(error), advice };
  }
}

/** A coordinator and a worker that meet on loopback, with keys. */
async function socketFinding(): Promise<Finding> {
  const what = 'sockets';
  try {
    const keys = newKeys();
    const hub = await sockets.openHub({ address: 'tcp://127.0.0.1:0', maxFrameBytes: 2 ** 20, keys });
    const link = sockets.openLink(hub.address, { maxFrameBytes: 2 ** 20, keys });
    link.send([Buffer.from('hello')]);
    const heard = await Promise.race([
      hub.messages()[Symbol.asyncIterator]().next(),
      new Promise((resolve) => setTimeout(resolve, 5_000, undefined).unref()),
    ]);
    await link.close();
    await hub.close();
    if (heard === undefined) throw new Error('a message over loopback did not arrive within 5 s');
    return { what, state: 'good', says: 'ZeroMQ over loopback, encrypted' };
  } catch (error) {
    return { what, state: 'bad', says: errorMessage(error), advice: 'see that this process may open sockets on 127.0.0.1' };
  }
}

function temporaryFinding(): Finding {
  const what = 'temporary files';
  let trouble: string | undefined;
  const say = (line: string): void => {
    trouble = line;
  };
  try {
    const folder = makeTemporaryFolder({ longest: longestSocketPath, name: 'hub', say });
    rmSync(folder, { recursive: true });
    const says = `in ${dirname(folder)}`;
    if (trouble === undefined) return { what, state: 'good', says };
    return { what, state: 'missing', says: trouble, advice: 'set TMPDIR to a writable folder with a short path' };
  } catch (error) {
    return { what, state: 'bad', says: errorMessage(error), advice: 'set TMPDIR to a writable folder' };
  }
}

/** None where addresses are not limited, as is usual. */
function addressFindings(): Finding[] {
  const advice = addressAdvice();
  if (advice === undefined) return [];
  return [
    { what: 'addresses', state: 'missing', says: 'limited: a large network, or a coordinator with helpers, may not find enough', advice },
  ];
}

function fileFinding(): Finding {
  const what = 'open files';
  const limits = process.platform === 'linux' ? readFileSync('/proc/self/limits', 'utf8') : '';
  const limit = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  if (limit === undefined) return { what, state: 'good', says: 'the limit is not known here' };
  const says = `at most ${limit}`;
  return Number(limit) < 256 ? { what, state: 'bad', says, advice: 'ulimit -n 4096' } : { what, state: 'good', says };
}

/** Names of runs have the time in them, and certificates of package indexes are checked by it. */
function clockFinding(): Finding {
  const now = new Date();
  const what = 'clock';
  if (now.getUTCFullYear() < 2026)
    return { what, state: 'missing', says: `it is ${now.toISOString()}?`, advice: 'set the clock: downloads will not be trusted' };
  return { what, state: 'good', says: now.toISOString() };
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}
