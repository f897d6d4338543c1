import { createHash } from 'node:crypto';
import { createReadStream, existsSync, rmSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { errorMessage, RunError } from '../shared/text/errors.js';
import type { Wheel } from './wheel.js';

export interface FetchOptions {
  /** A package index: where `pip` looks, e.g. `https://pypi.org/simple`. */
  readonly index: string;
  /** Is told the bytes that are there, of all. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Downloads a wheel into a folder and checks it, and goes on with one that was begun there.
 * @returns its path
 * @throws RunError saying what could not be reached, or that the file is not the right one
 */
export async function fetchWheel(wheel: Wheel, folder: string, { index, onProgress }: FetchOptions): Promise<string> {
  const path = join(folder, wheel.file);
  const part = `${path}.part`;
  if (!existsSync(path)) {
    const source = await addressOf(wheel, index);
    const begun = existsSync(part) ? statSync(part).size : 0;
    if (begun < wheel.bytes) await continueDownload(source, part, begun, onProgress);
    await rename(part, path);
  }
  await checkWheel(wheel, path);
  return path;
}

/**
 * @throws RunError where a file is not the wheel; it is removed then if `keep` is not said
 */
export async function checkWheel(wheel: Wheel, path: string, keep = false): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const digest = hash.digest('hex');
  if (digest === wheel.sha256) return;
  if (!keep) rmSync(path);
  const size = `${statSync(path, { throwIfNoEntry: false })?.size ?? 'removed'}`;
  throw new RunError(`${path}: expected sha256 ${wheel.sha256} (${wheel.bytes} bytes), got ${digest} (${size}); nothing was installed`);
}

interface Source {
  readonly url: string;
  readonly headers: Record<string, string>;
}

const listing = z.object({ files: z.array(z.object({ filename: z.string(), url: z.string() })) });

/** Asks the index (PEP 691) where the file is, and how to ask for it: who needs a password there may need it for its files. */
async function addressOf(wheel: Wheel, index: string): Promise<Source> {
  const { url: base, authorization } = splitAddress(index);
  const own = authorization === undefined ? {} : { authorization };
  const url = `${base.replace(/\/$/, '')}/${wheel.package}/`;
  const response = await get(url, { accept: 'application/vnd.pypi.simple.v1+json', ...own });
  const parsed = listing.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success) throw new RunError(`${url}: expected a package index that answers in JSON (PEP 691)`);
  const file = parsed.data.files.find(({ filename }) => filename === wheel.file);
  if (!file) throw new RunError(`${url}: has no ${wheel.file}`);
  const address = new URL(file.url, url);
  return { url: address.href, headers: address.host === new URL(url).host ? own : {} };
}

async function continueDownload(
  { url, headers }: Source,
  part: string,
  begun: number,
  onProgress?: (bytes: number) => void,
): Promise<void> {
  const response = await get(url, begun > 0 ? { ...headers, range: `bytes=${begun}-` } : headers);
  if (!response.body) throw new RunError(`${url}: answered with nothing`);
  // A server may send the whole file all the same.
  const isRest = response.status === 206;
  let bytes = isRest ? begun : 0;
  const file = await open(part, isRest ? 'a' : 'w');
  try {
    // Piece by piece, so that all that has come is there when the rest does not.
    for await (const chunk of Readable.fromWeb(response.body as import('node:stream/web').ReadableStream)) {
      await file.writeFile(chunk);
      bytes += chunk.byteLength;
      onProgress?.(bytes);
    }
  } catch (error) {
    throw new RunError(`${url}: cut off after ${bytes} bytes (${causeOf(error)}); the same command goes on from there`);
  } finally {
    await file.close();
  }
}

/** An address as it may be shown. @throws RunError where it is none */
export function withoutPassword(address: string): string {
  return splitAddress(address).url;
}

/** An index's address may hold a name and a password, which go into a header. */
function splitAddress(address: string): { readonly url: string; readonly authorization?: string } {
  if (!URL.canParse(address)) throw new RunError(`expected the address of a package index, such as https://HOST/simple, got ${address}`);
  const url = new URL(address);
  const { username, password } = url;
  if (username === '') return { url: url.href };
  url.username = '';
  url.password = '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url: url.href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

async function get(url: string, headers: Record<string, string>): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { headers });
  } catch (error) {
    throw new RunError(`${url} cannot be reached (${causeOf(error)}); name another index with --index, or a folder of wheels with --from`);
  }
  if (!response.ok) throw new RunError(`${url}: ${response.status} ${response.statusText}`);
  return response;
}

/** fetch says only that it failed; why is in the cause. */
function causeOf(error: unknown): string {
  return errorMessage(error instanceof Error && error.cause !== undefined ? error.cause : error);
}
