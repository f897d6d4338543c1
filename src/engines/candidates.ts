import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Config } from '../shared/config/configSchema.js';
import type { EngineOn } from '../shared/engine/engineFigures.js';
import { precisionProblem } from '../shared/engine/precision.js';
import { installedOnnxCuda } from '../shared/files/home.js';
import { missingGpu } from './gpu.js';
import { ownName } from './ownName.js';

export interface Candidates {
  /** In the order in which they are preferred where they are equally fast. */
  readonly found: readonly EngineOn[];
  /** Why what is installed for GPUs is not among them, or what would be faster. */
  readonly note?: string;
}

/** Two times and more at the sizes of docs/performance.md, beside onnxruntime-node on one thread. */
const withoutBlas = `no BLAS library is installed: ${ownName()} setup blas (8 MB) makes most networks train about twice as fast`;

type Wanted = EngineOn & Pick<Config, 'threads' | 'precision'>;

/**
 * What this machine has of what a config leaves open. Where a device was asked for, all engines that could have it:
 * whether they do, only trying them tells.
 * @param wanted with `auto` for what is to be chosen
 */
export async function candidatesFor(wanted: Wanted): Promise<Candidates> {
  const { device } = wanted;
  const found: EngineOn[] = [];
  if (device === 'auto' || device === 'cpu') found.push(...(await onCpu(wanted)));
  if (device !== 'auto' && device !== 'cpu' && device !== 'webgpu') found.push({ engine: 'tensorflow', device });
  if (device !== 'auto' && device !== 'cpu') found.push({ engine: 'onnx', device });
  const gpu: Candidates = device === 'auto' ? await onGpu() : { found: [] };
  const isWanted = (one: EngineOn): boolean =>
    (wanted.engine === 'auto' || wanted.engine === one.engine) && precisionProblem(one, wanted.precision) === undefined;
  const all = [...found, ...gpu.found].filter(isWanted);
  const isChosenOnCpu = wanted.engine === 'auto' && (device === 'auto' || device === 'cpu') && process.env['BPNN_DIST_BLAS'] !== 'none';
  const lacksBlas = isChosenOnCpu && gpu.found.length === 0 && !all.some(({ engine }) => engine === 'blas');
  const notes = [...(gpu.note === undefined ? [] : [gpu.note]), ...(lacksBlas ? [withoutBlas] : []), ...(await blasAdvice(all, wanted))];
  // Opening the one that was named says best what it lacks.
  const only = { engine: wanted.engine, device: device === 'auto' ? 'cpu' : device } as const;
  return { ...(notes.length > 0 && { note: notes.join('; ') }), found: all.length === 0 && wanted.engine !== 'auto' ? [only] : all };
}

/** What is wrong with the code that the BLAS library has chosen. */
async function blasAdvice(found: readonly EngineOn[], { threads }: Wanted): Promise<string[]> {
  if (!found.some(({ engine }) => engine === 'blas')) return [];
  const { openBlas } = await import('./blas/library.js');
  const { coreTypeAdvice } = await import('./blas/coreType.js');
  const advice = coreTypeAdvice(openBlas(threads).name);
  return advice === undefined ? [] : [advice];
}

async function onCpu({ threads }: Wanted): Promise<EngineOn[]> {
  const { hasBlas } = await import('./blas/library.js');
  const { hasTensorflow } = await import('./tensorflow/binding.js');
  const device = 'cpu';
  return [
    ...(hasBlas(threads) ? [{ engine: 'blas', device } as const] : []),
    { engine: 'onnx', device },
    ...(hasTensorflow() ? [{ engine: 'tensorflow', device } as const] : []),
  ];
}

/** What is installed for GPUs, where there is one. */
async function onGpu(): Promise<Candidates> {
  const { hasTensorflow } = await import('./tensorflow/binding.js');
  const installed: EngineOn[] = [
    ...(hasTensorflow('gpu') ? [{ engine: 'tensorflow', device: 'gpu' } as const] : []),
    ...(existsSync(installedOnnxCuda()) ? [{ engine: 'onnx', device: 'gpu' } as const] : []),
  ];
  const webgpu: EngineOn[] = hasRenderer() ? [{ engine: 'onnx', device: 'webgpu' }] : [];
  if (installed.length === 0) return { found: webgpu };
  const problem = missingGpu();
  return problem === undefined ? { found: [...installed, ...webgpu] } : { found: webgpu, note: `no GPU is used: ${problem}` };
}

/** Has the machine something to draw with, which may know Vulkan or Metal, and what would use it? */
function hasRenderer(): boolean {
  try {
    createRequire(import.meta.url).resolve('onnxruntime-node');
  } catch {
    return false;
  }
  if (process.platform === 'darwin') return true;
  const folder = '/dev/dri';
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('renderD'));
}
