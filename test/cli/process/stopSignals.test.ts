import { test } from 'tap';
import { isUnderNohup } from '../../../src/cli/process/nohup.js';
import { endsAtOnce, stopSignals } from '../../../src/cli/process/stopSignals.js';

test('only a second Ctrl-C, or a SIGTERM at least a second after the first signal, ends at once', async (t) => {
  const after = (milliseconds: number): string[] => stopSignals.filter((signal) => endsAtOnce(signal, milliseconds));
  t.same(after(20), []);
  t.same(after(100), ['SIGINT']);
  t.same(after(999), ['SIGINT']);
  t.same(after(1_000), ['SIGINT', 'SIGTERM']);
  t.same(after(60_000), ['SIGINT', 'SIGTERM']);
});

test('nohup is recognized by what it leaves', async (t) => {
  const stdin = (flags: string): string => `pos:\t0\nflags:\t${flags}\nmnt_id:\t25\n`;
  const parent = (ignored: string): string => `Name:\tbash\nSigBlk:\t0000000000010000\nSigIgn:\t${ignored}\nSigCgt:\t000000004b817efb\n`;
  const usual = '0000000000384004';
  t.ok(isUnderNohup(stdin('0100001'), parent(usual)), 'a terminal replaced by a file for writing only');
  t.ok(isUnderNohup(stdin('0100000'), parent('0000000000384005')), 'a shell that nohup has started');
  t.notOk(isUnderNohup(stdin('0100000'), parent(usual)), 'input from a file');
  t.notOk(isUnderNohup(stdin('02'), parent(usual)), 'a terminal');
  t.notOk(isUnderNohup('', ''), 'a system without /proc');
});
