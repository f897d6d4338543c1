import '../../shared/system/debuggerPort.js';
import { json } from 'node:stream/consumers';
import { type TrialRequest, tryEngine } from './tryEngine.js';

/** A process that tries one engine and says what came of it. */
const trial = await tryEngine((await json(process.stdin)) as TrialRequest);
process.stdout.write(`${JSON.stringify(trial)}\n`, () => process.exit(0));
