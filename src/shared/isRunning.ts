import { errorCode } from './errors.js';

/** Is there a process of this number on this machine, whoever's it is? */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
