import type { Device } from '../shared/device.js';
import { tryEngine } from './tryEngine.js';

/** A process that tries one engine and says what came of it: a library that crashes takes only this one with it. */
const [name = '', device = 'auto'] = process.argv.slice(2);
const trial = await tryEngine(name, device as Device | 'wasm');
process.stdout.write(`${JSON.stringify(trial)}\n`, () => process.exit(0));
