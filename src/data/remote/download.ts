import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { DataError } from '../../shared/text/errors.js';
import { blockSize, PartialFile } from './partialFile.js';
import { connectionProblem } from './remoteProblems.js';
import { type Answer, Changed, type Source, Unreachable, type Version } from './source.js';

/** Blocks that are fetched at once, and how often each is tried where its connection breaks. */
const together = 8;
const tries = 4;

export interface Download {
  readonly source: Source;
  readonly version: Version;
  /** How messages call it. */
  readonly shown: string;
  /** What the file will be called; until then its bytes are beside it. */
  readonly name: string;
  /** Is told how many of its blocks are there. */
  readonly onProgress: (done: number, total: number) => void;
  /** Aborts when nobody wants it any more; blocks that have come are kept. */
  readonly signal: AbortSignal;
}

/**
 * Fetches a file, and goes on with one that was begun.
 * @returns where it is
 * @throws Changed where it is another one meanwhile; Unreachable; DataError; any error, once the signal has aborted
 */
export async function download(job: Download): Promise<string> {
  const partial = await PartialFile.open(job.name, job.version);
  try {
    await checkSpace(job, partial);
    await fetchBlocks(job, partial);
    await partial.finish();
    return partial.path;
  } catch (error) {
    await partial.close();
    throw connectionProblem(job.shown, error);
  }
}

async function checkSpace({ version: { size }, shown, name }: Download, { blocks }: PartialFile): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(name));
  const [needed, free] = [(size ?? 0) - blocks * blockSize, bavail * bsize];
  if (needed > free) throw new DataError(`${shown}: needs ${needed} bytes, and there are ${free} free at ${dirname(name)}`);
}

async function fetchBlocks(job: Download, partial: PartialFile): Promise<void> {
  const { version, onProgress } = job;
  // Where it is not known how large a file is, it comes as a whole.
  const total = version.size === undefined ? 1 : Math.ceil(version.size / blockSize);
  const [first, ...rest] = Array.from({ length: total }, (_, block) => block).filter((block) => !partial.has(block));
  onProgress(partial.blocks, total);
  if (first === undefined) return;
  // It shows whether the server knows parts.
  const answered = await fetchBlock(job, partial, first, true, job.signal);
  onProgress(answered === 'whole' ? total : partial.blocks, total);
  if (answered === 'whole') return;
  const failure = new AbortController();
  const isOver = AbortSignal.any([job.signal, failure.signal]);
  const lane = async (): Promise<void> => {
    for (let block = rest.shift(); block !== undefined && !isOver.aborted; block = rest.shift()) {
      await fetchBlock(job, partial, block, false, isOver);
      onProgress(partial.blocks, total);
    }
  };
  const lanes = Array.from({ length: together }, () =>
    lane().catch((error: unknown) => {
      if (!failure.signal.aborted) failure.abort(error);
    }),
  );
  await Promise.all(lanes);
  isOver.throwIfAborted();
}

/**
 * @param mayBeWhole may the server send all of the file instead?
 * @param signal aborts when another block has failed, or nobody wants the file any more
 */
async function fetchBlock(
  job: Download,
  partial: PartialFile,
  block: number,
  mayBeWhole: boolean,
  signal: AbortSignal,
): Promise<'part' | 'whole'> {
  const { source, version, shown } = job;
  const { from, to } = rangeOf(block, version);
  for (let trial = 1; ; trial++) {
    let answer: Answer | undefined;
    try {
      answer = await source.read(version, from, to, signal);
      // It may break before it is read; whoever reads it then hears of that.
      answer.body.on('error', () => undefined);
      await takeBlock(job, partial, block, answer, mayBeWhole);
      return answer.isPart ? 'part' : 'whole';
    } catch (error) {
      const problem = connectionProblem(shown, error);
      if (!(problem instanceof Unreachable) || signal.aborted) throw problem;
      if (trial < tries) continue;
      throw answer?.isPart === false ? new Unreachable(`${problem.message}, and the server sends files as wholes only`) : problem;
    } finally {
      answer?.body.destroy();
    }
  }
}

/** Undefined is the end of a file of which it is not known how large it is. */
function rangeOf(block: number, { size }: Version): { readonly from: number; readonly to: number | undefined } {
  const from = block * blockSize;
  return { from, to: size === undefined ? undefined : Math.min(from + blockSize, size) };
}

async function takeBlock(
  { version }: Download,
  partial: PartialFile,
  block: number,
  { isPart, body }: Answer,
  mayBeWhole: boolean,
): Promise<void> {
  if (isPart) {
    const { from, to } = rangeOf(block, version);
    checkSize(await write(body, partial, from, to), to === undefined ? undefined : to - from);
    await partial.add(block);
    return;
  }
  // A server that knows parts sends the whole of another file only.
  if (!mayBeWhole) throw new Changed();
  await partial.restart();
  checkSize(await write(body, partial, 0, version.size), version.size);
}

function checkSize(got: number, expected: number | undefined): void {
  if (expected !== undefined && got !== expected) throw new Unreachable(`the connection broke after ${got} of ${expected} bytes`);
}

/**
 * @param to no byte from here on is written: it may be one of another block, or there may be no end of them
 * @returns how many bytes have come
 */
async function write(body: Readable, partial: PartialFile, from: number, to: number | undefined): Promise<number> {
  let at = from;
  for await (const chunk of body) {
    if (to !== undefined && at + chunk.length > to)
      throw new Unreachable(`its server sends more than the ${to - from} bytes that it should`);
    await partial.write(chunk, at);
    at += chunk.length;
  }
  return at - from;
}
