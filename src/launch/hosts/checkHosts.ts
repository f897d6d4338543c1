import { text } from 'node:stream/consumers';
import { AwakeTimer } from '../../shared/system/awakeTimer.js';
import { errorMessage, UsageError } from '../../shared/text/errors.js';
import { textTable } from '../../shared/text/textTable.js';
import { type HostQuestion, type HostReport, hostReport } from './hostFacts.js';
import type { Host } from './hostList.js';
import { type Ssh, startOn } from './ssh.js';

/** A host that can take part, and how many workers are started on it. */
export interface ReadyHost {
  readonly name: string;
  readonly slots: number;
  /** The coordinator's address as the host sees it; undefined where ssh does not say. */
  readonly coordinator: string | undefined;
}

/** What a host must have, and the machine that asks has. */
export interface Expected {
  readonly version: string;
  readonly node: string;
  /** Of the data; undefined where nothing is asked about data. */
  readonly fingerprint: string | undefined;
}

export interface Answer {
  readonly host: Host;
  /** What it says, or why it says nothing. */
  readonly report: HostReport | string;
}

/** A host with more workers a core is taken for a mistake, such as a port in the place of their number. */
const mostPerCore = 8;

/** Seconds that ssh takes at most, beside what the host takes to read its data. */
const connecting = 15;

/**
 * Asks all hosts at once what they have.
 * @param timeout seconds that a host may take to read its data
 * @throws UsageError with a table of what is missing where
 */
export async function checkHosts(
  hosts: readonly Host[],
  ssh: Ssh,
  question: HostQuestion,
  expected: Expected,
  timeout: number,
): Promise<ReadyHost[]> {
  const answers = await Promise.all(hosts.map(async (host) => ({ host, report: await ask(host, ssh, question, timeout + connecting) })));
  const bad = answers.filter((answer) => problemsOf(answer, expected).length > 0);
  if (bad.length > 0) throw new UsageError(`${bad.length} of ${hosts.length} hosts cannot take part\n${tableOf(answers, expected)}`);
  return answers.flatMap(({ host, report }) => (typeof report === 'string' ? [] : [readyHost(host, report)]));
}

function readyHost({ name, slots }: Host, { gpus, cores, client }: HostReport): ReadyHost {
  return { name, slots: slots ?? (gpus > 0 ? gpus : cores), coordinator: client ?? undefined };
}

async function ask({ name }: Host, ssh: Ssh, question: HostQuestion, timeout: number): Promise<HostReport | string> {
  const child = startOn(ssh, name, ['host-report'], false);
  let isLate = false;
  const timer = new AwakeTimer(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, timeout * 1_000);
  // Its input stays open until it has answered: it ends where that does.
  child.stdin.on('error', () => undefined).write(`${JSON.stringify(question)}\n`);
  try {
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [stdout, stderr, code] = await Promise.race([failed, Promise.all([text(child.stdout), text(child.stderr), closed])]);
    // A shell's greetings may stand before it.
    const parsed = hostReport.safeParse(parseOrNothing(stdout.trim().split('\n').at(-1) ?? ''));
    if (parsed.success) return parsed.data;
    if (isLate) return `has not answered within ${timeout} s`;
    return reasonIn(stderr) ?? `ended with exit code ${code} and no answer`;
  } catch (error) {
    return errorMessage(error);
  } finally {
    timer.clear();
    child.stdin.destroy();
  }
}

/** The line that says most: an error's, else the last. */
function reasonIn(stderr: string): string | undefined {
  const lines = stderr.trim().split('\n');
  return lines.find((line) => /^(\w*error\b|ssh: )/i.test(line)) || lines.at(-1) || undefined;
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What keeps a host from taking part. */
export function problemsOf({ host: { slots = 0 }, report }: Answer, expected: Expected): string[] {
  if (typeof report === 'string') return [report];
  const { version, node, fingerprint, problem, cores } = report;
  const most = mostPerCore * cores;
  return [
    ...(slots <= most ? [] : [`${slots} workers on ${cores} cores, expected at most ${most}; a port is given as --ssh 'ssh -p ${slots}'`]),
    ...(version === expected.version ? [] : [`bpnn-dist ${version}, expected ${expected.version}`]),
    ...(major(node) === major(expected.node) ? [] : [`Node ${node}, expected ${expected.node}`]),
    ...(problem === null ? [] : [problem]),
    ...(fingerprint === null || fingerprint === expected.fingerprint
      ? []
      : [`other data: fingerprint ${fingerprint}, expected ${expected.fingerprint}`]),
  ];
}

function dataOf({ fingerprint, lacks }: HostReport, expected: Expected): string {
  if (lacks !== null) return 'from here';
  return fingerprint !== null && fingerprint === expected.fingerprint ? 'same' : '-';
}

function major(version: string): string {
  return version.split('.')[0] ?? '';
}

function tableOf(answers: readonly Answer[], expected: Expected): string {
  const rows = answers.map(({ host, report }) => {
    const problems = problemsOf({ host, report }, expected);
    const facts =
      typeof report === 'string'
        ? ['-', '-', '-', '-', '-']
        : [report.version, report.node, dataOf(report, expected), String(report.cores), String(report.gpus)];
    return [host.name, ...facts, problems.length === 0 ? 'ready' : problems.join('; ')];
  });
  return textTable([['host', 'version', 'node', 'data', 'cores', 'GPUs', ''], ...rows]);
}
