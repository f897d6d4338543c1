import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { Member } from '../../coordinator/members/roster.js';
import type { Computed, Tracer } from '../../coordinator/timing/tracer.js';
import { now } from '../../shared/system/clock.js';
import { errorMessage } from '../../shared/text/errors.js';
import { clockOffset, type Exchange } from './clockOffset.js';
import type { TracedSteps } from './tracedSteps.js';

/** What one worker has computed, with the times of both clocks. */
interface WorkerSpans {
  readonly name: string;
  /** Its number in the trace. */
  readonly track: number;
  /** When it was first asked for a part of some work, by its number. */
  readonly askedAt: Map<number, number>;
  spans: (Exchange & Computed)[];
}

interface Span {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly step: number | undefined;
}

/** Process number of the coordinator in the trace; workers come after it. */
const coordinatorTrack = 1;
/** Threads of the coordinator in the trace: what it does itself, and what it waits for meanwhile, two of which can overlap. */
const ownThread = 0;
const gradientThread = 1;
const evaluationThread = 2;

/** Pieces of work that a worker can have been asked for and not answered. */
const mostUnderWay = 2;

/** Spans that wait to be written at most. */
const mostWaiting = 100_000;

/**
 * Writes a trace of some steps in the Chrome trace format (an array of complete events, times in microseconds), which
 * Perfetto and chrome://tracing open: coordinator and workers on one time axis, whatever their clocks say. It is written when
 * the last of them is done, or when there are many.
 */
export class ChromeTrace implements Tracer {
  readonly #steps: TracedSteps;
  readonly #say: (line: string) => void;
  readonly #startedAt = now();
  /** Our monotonic clock to milliseconds since 1970. */
  readonly #origin = performance.timeOrigin;
  readonly #workers = new Map<string, WorkerSpans>();
  #file: number | undefined;
  #spans: Span[] = [];
  #waits: Span[] = [];
  #waiting = 0;
  #isOn: boolean;
  /** Events as text, to be written. */
  #lines: string[] = [];
  #hasWritten = false;

  /** @param firstStep that will be taken: a run that is gone on with begins in the middle */
  constructor(path: string, steps: TracedSteps, firstStep: number, say: (line: string) => void) {
    this.#steps = steps;
    this.#say = say;
    this.#isOn = firstStep >= steps.from && firstStep < steps.to;
    this.#safely(() => {
      this.#file = openSync(path, 'w');
    });
    this.#add({ name: 'process_name', ph: 'M', pid: coordinatorTrack, args: { name: `coordinator (pid ${process.pid})` } });
    this.#add({ name: 'thread_name', ph: 'M', pid: coordinatorTrack, tid: ownThread, args: { name: 'works' } });
    this.#add({ name: 'thread_name', ph: 'M', pid: coordinatorTrack, tid: gradientThread, args: { name: 'waits for gradients' } });
    this.#add({ name: 'thread_name', ph: 'M', pid: coordinatorTrack, tid: evaluationThread, args: { name: 'waits for evaluations' } });
  }

  span(name: string, from: number, to: number): void {
    this.#keep(this.#spans, { name, from, to, step: undefined });
  }

  wait(name: string, from: number, to: number, step?: number): void {
    this.#keep(this.#waits, { name, from, to, step });
  }

  #keep(spans: Span[], span: Span): void {
    if (!this.#isOn) return;
    spans.push(span);
    this.#waiting++;
  }

  asked(worker: Member, work: number): void {
    if (!this.#isOn) return;
    const { askedAt } = this.#trackOf(worker);
    if (!askedAt.has(work)) askedAt.set(work, now());
  }

  answered(worker: Member, { kind, node, work, startedAt, computeMs }: Computed): void {
    if (!this.#isOn || !Number.isFinite(startedAt) || !Number.isFinite(computeMs)) return;
    const track = this.#trackOf(worker);
    const times = {
      askedAt: track.askedAt.get(work) ?? Number.NEGATIVE_INFINITY,
      answeredAt: now(),
      startedAt,
      endedAt: startedAt + computeMs,
    };
    track.spans.push({ kind, node, work, computeMs, ...times });
    this.#waiting++;
  }

  step(step: number, from: number, to: number): void {
    this.#keep(this.#spans, { name: 'step', from, to, step });
    const next = step + 1;
    const isOn = next >= this.#steps.from && next < this.#steps.to;
    if (this.#isOn && (!isOn || this.#waiting > mostWaiting)) this.flush();
    this.#isOn = isOn;
  }

  /** Writes what is there so far. */
  flush(): void {
    for (const span of this.#spans) this.#add(this.#event(span, ownThread));
    for (const span of this.#waits) this.#add(this.#event(span, span.name === 'gradients' ? gradientThread : evaluationThread));
    for (const { track, spans } of this.#workers.values()) {
      const offset = clockOffset(spans);
      for (const { kind, node, work, startedAt, computeMs } of spans) {
        const place = { ph: 'X', pid: track, tid: 0, ts: this.#micros(startedAt + offset), dur: round(computeMs * 1_000) };
        this.#add({ name: kind, ...place, args: { [kind === 'gradient' ? 'shards' : 'chunks']: `[${node.from}, ${node.to})`, work } });
      }
    }
    [this.#spans, this.#waits, this.#waiting] = [[], [], 0];
    for (const worker of this.#workers.values()) {
      worker.spans = [];
      // What is still under way was asked for last.
      for (const work of [...worker.askedAt.keys()].slice(0, -mostUnderWay)) worker.askedAt.delete(work);
    }
    this.#write(this.#lines.join(',\n'));
    this.#lines = [];
  }

  close(): void {
    this.flush();
    this.#safely(() => {
      if (this.#file === undefined) return;
      writeFileSync(this.#file, this.#hasWritten ? '\n]\n' : '[]\n');
      closeSync(this.#file);
      this.#file = undefined;
    });
  }

  #trackOf({ incarnation, name, hello }: Member): WorkerSpans {
    const known = this.#workers.get(incarnation);
    if (known) return known;
    const track = coordinatorTrack + 1 + this.#workers.size;
    const made = { name: `${name} (pid ${hello.pid} on ${hello.host})`, track, askedAt: new Map(), spans: [] };
    this.#workers.set(incarnation, made);
    this.#add({ name: 'process_name', ph: 'M', pid: track, args: { name: made.name } });
    return made;
  }

  #event({ name, from, to, step }: Span, thread: number): object {
    const args = step === undefined ? {} : { args: { step } };
    return {
      name,
      ph: 'X',
      pid: coordinatorTrack,
      tid: thread,
      ts: this.#micros(this.#origin + from),
      dur: round((to - from) * 1_000),
      ...args,
    };
  }

  #micros(time: number): number {
    return round((time - this.#startedAt) * 1_000);
  }

  #add(event: object): void {
    this.#lines.push(JSON.stringify(event));
  }

  #write(text: string): void {
    this.#safely(() => {
      if (this.#file === undefined || text === '') return;
      writeFileSync(this.#file, `${this.#hasWritten ? ',' : '['}\n${text}`);
      this.#hasWritten = true;
    });
  }

  #safely(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (this.#file !== undefined) closeSync(this.#file);
      this.#file = undefined;
      this.#say(`the trace cannot be written: ${errorMessage(error)}`);
    }
  }
}

/** Microseconds to the nanosecond. */
function round(micros: number): number {
  return Math.round(micros * 1_000) / 1_000;
}
