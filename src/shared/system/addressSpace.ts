import { readableText } from './textIfThere.js';

/** For each WebAssembly memory Node reserves 8 GiB of addresses and more, unless this flag tells it to check bounds in code. */
const flag = '--disable-wasm-trap-handler';

/** Was this process itself started with it? */
const isSpared = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) => option.includes(flag));

/** @param limits of /proc/PID/limits, see proc(5) @returns bytes of addresses that a process may have, if they are limited */
export function addressLimitIn(limits: string): number | undefined {
  const [, bytes] = /^Max address space\s+(\d+)/m.exec(limits) ?? [];
  return bytes === undefined ? undefined : Number(bytes);
}

/** The limit of this process (`ulimit -v`); undefined where there is none, or none is known. */
function addressLimit(): number | undefined {
  return addressLimitIn(readableText('/proc/self/limits') ?? '');
}

/** Has processes that this one starts get along with few addresses, where they are limited. */
export function spareAddressesOfChildren(): void {
  const { NODE_OPTIONS: options = '' } = process.env;
  if (addressLimit() === undefined || !process.allowedNodeEnvironmentFlags.has(flag) || options.includes(flag)) return;
  process.env['NODE_OPTIONS'] = `${options} ${flag}`.trim();
}

/** What to do about a limit; undefined where there is none. */
export function addressAdvice(): string | undefined {
  const limit = addressLimit();
  if (limit === undefined) return undefined;
  const other = isSpared ? '' : ` or set NODE_OPTIONS=${flag}`;
  return `this shell limits addresses to ${Math.floor(limit / 1_024)} KiB (ulimit -v): type ulimit -v unlimited${other}`;
}
