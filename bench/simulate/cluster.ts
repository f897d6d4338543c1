import { Fluid, Queue, type Resource, resource } from './fluid.js';

/** What things cost, in milliseconds of one thread unless said otherwise. */
export interface Costs {
  /** A message, at each of both ends, beside its bytes: the main thread, and the thread of the sockets. */
  readonly message: number;
  /** A byte at each of both ends: encrypting or decrypting, and the system. */
  readonly byte: number;
  /** How uneven flows are that share a link: between 1 - spread and 1 + spread times as fast as on average. */
  readonly spread: number;
  /** What share of a link's rate they make use of together. */
  readonly efficiency: number;
  /** From the last byte on the wire until somebody wakes up for it: nobody's work. */
  readonly wake: number;
  /** Adding one value to another, moving one by the optimizer, copying one. */
  readonly add: number;
  readonly update: number;
  readonly copy: number;
  /** What a worker does for a value in a step beside computing: putting weights and gradients where they are to be. */
  readonly handle: number;
  /** What a worker computes in a step. */
  readonly compute: number;
}

export interface Cluster {
  readonly workers: number;
  readonly parameters: number;
  /** Of every host's link, each way. */
  readonly gigabits: number;
  /** Workers on a host. */
  readonly perHost: number;
  readonly topology: 'star' | 'tree';
  /** Aggregators below one node. */
  readonly fanIn: number;
  /** Cores of a host; undefined: as many as it has threads to run. */
  readonly cores?: number;
  /** Do all hosts share the cores of one machine? */
  readonly isOneMachine?: boolean;
}

/** Bytes on the wire for one of a message: 1,448 of every 1,514 are its own. */
export const framing = 1_514 / 1_448;
/** Values of the parts in which tensors travel, at least, and how many parts there are at most (the real ones: 64). */
const partValues = 262_144;
const mostSlices = 16;
/** The same of large clusters, whose simulation would take too long. */
const fewParts = 4;
const largeCluster = 200;
const steps = 4;

interface Host {
  readonly up: Resource;
  readonly down: Resource;
  readonly cores: Resource;
}

/** A process, and what it knows of the step that is under way. */
interface Process {
  readonly host: Host;
  readonly main: Queue;
  readonly io: Queue;
  readonly children: Process[];
  readonly parent: Process | undefined;
  /** Its connection to the parent, both ways. */
  readonly fromParent: Queue;
  readonly toParent: Queue;
  readonly isWorker: boolean;
  /** Of each part: the gradients that have come, and of all: the weights that have. */
  gradients: number[];
  weights: number;
}

/** Milliseconds that a step takes once they follow each other. */
export function stepMs(cluster: Cluster, costs: Costs): number {
  return new Simulation(cluster, costs).period();
}

/**
 * What no exchange of gradients among equals goes below, by bandwidth: in a ring each sends and takes twice all but its own
 * share of them (Patarasuk and Yuan 2009), and computes, with nothing for software.
 */
export function ringBoundMs({ workers, parameters, gigabits }: Cluster, { compute }: Costs): number {
  return compute + (2 * ((workers - 1) / workers) * parameters * 32 * framing) / (gigabits * 1e6);
}

class Simulation {
  readonly #fluid = new Fluid();
  readonly #costs: Costs;
  readonly #cluster: Cluster;
  readonly #parts: number;
  readonly #values: number;
  readonly #coordinator: Process;
  readonly #machine: Resource;
  readonly #doneAt: number[] = [];
  #updated = 0;
  #connections = 0;

  constructor(cluster: Cluster, costs: Costs) {
    this.#cluster = cluster;
    this.#costs = costs;
    const most = cluster.workers > largeCluster ? fewParts : mostSlices;
    this.#parts = Math.min(most, Math.max(1, Math.ceil(cluster.parameters / partValues)));
    this.#values = cluster.parameters / this.#parts;
    this.#machine = resource(cluster.cores ?? Number.POSITIVE_INFINITY);
    this.#coordinator = this.#process(this.#host(), undefined, false);
    this.#arrange();
  }

  period(): number {
    for (let part = 0; part < this.#parts; part++) this.#sendDown(this.#coordinator, part);
    this.#fluid.run(() => this.#doneAt.length >= steps);
    const [last = Number.NaN, before = Number.NaN] = this.#doneAt.slice(-2).reverse();
    return last - before;
  }

  #arrange(): void {
    const { workers, perHost, topology, fanIn } = this.#cluster;
    const aggregators: Process[] = [];
    for (let first = 0; first < workers; first += perHost) {
      const host = this.#host();
      const tops = aggregators.slice(0, fanIn);
      const above = aggregators.length < fanIn ? this.#coordinator : shallowest(tops, fanIn);
      const parent = topology === 'tree' ? this.#process(host, above, false) : this.#coordinator;
      if (topology === 'tree') aggregators.push(parent);
      for (let i = first; i < Math.min(workers, first + perHost); i++) this.#process(host, parent, true);
    }
  }

  #host(): Host {
    const rate = this.#cluster.gigabits * 1e6 * this.#costs.efficiency;
    const { cores = Number.POSITIVE_INFINITY, isOneMachine } = this.#cluster;
    return { up: resource(rate), down: resource(rate), cores: isOneMachine ? this.#machine : resource(cores) };
  }

  #process(host: Host, parent: Process | undefined, isWorker: boolean): Process {
    const thread = (): Queue => new Queue(this.#fluid, [host.cores], 1);
    const weight = this.#weight();
    const wire = (from: Host | undefined, to: Host | undefined): Queue =>
      new Queue(this.#fluid, from && to ? [from.up, to.down] : [], Number.POSITIVE_INFINITY, weight);
    const connection = { fromParent: wire(parent?.host, host), toParent: wire(host, parent?.host) };
    const threads = { main: thread(), io: thread(), ...connection };
    const process: Process = { host, parent, isWorker, children: [], gradients: new Array(this.#parts).fill(0), weights: 0, ...threads };
    parent?.children.push(process);
    return process;
  }

  /** Of a connection's flows: spread evenly, without chance (a golden-ratio sequence). */
  #weight(): number {
    const { spread } = this.#costs;
    const place = (++this.#connections * 0.618_033_988_749_895) % 1;
    return 1 - spread + 2 * spread * place;
  }

  /** A part of the weights goes to all below. */
  #sendDown(from: Process, part: number): void {
    for (const child of from.children) {
      if (this.#isShared(from, child)) continue;
      this.#hop(from, child, () => this.#takeWeights(child, part));
    }
  }

  #takeWeights(process: Process, part: number): void {
    const { copy, wake } = this.#costs;
    process.weights++;
    const isWhole = process.weights === this.#parts;
    if (isWhole) process.weights = 0;
    if (process.isWorker) {
      if (isWhole) this.#compute(process);
      return;
    }
    process.main.do(copy * this.#values, () => {
      this.#sendDown(process, part);
      // Those that share its memory start together, once all is there.
      if (isWhole)
        for (const child of process.children) if (this.#isShared(process, child)) this.#fluid.after(wake, () => this.#compute(child));
    });
  }

  #compute(worker: Process): void {
    const { parent } = worker;
    worker.main.do(this.#costs.compute + this.#costs.handle * this.#cluster.parameters, () => {
      for (let part = 0; part < this.#parts; part++) {
        if (!parent) continue;
        if (this.#isShared(parent, worker)) this.#fluid.after(this.#costs.wake, () => this.#takeGradient(parent, part));
        else this.#hop(worker, parent, () => this.#takeGradient(parent, part));
      }
    });
  }

  /** Adds a part up; the last of all of them sends it on, or moves the weights by it. */
  #takeGradient(process: Process, part: number): void {
    const count = (process.gradients[part] ?? 0) + 1;
    const isLast = count === process.children.length;
    process.gradients[part] = isLast ? 0 : count;
    const { parent } = process;
    process.main.do(count === 1 ? 0 : this.#costs.add * this.#values, () => {
      if (!isLast) return;
      if (parent) this.#hop(process, parent, () => this.#takeGradient(parent, part));
      else process.main.do(this.#costs.update * this.#values, () => this.#moved(part));
    });
  }

  #moved(part: number): void {
    if (++this.#updated === this.#parts) {
      this.#updated = 0;
      this.#doneAt.push(this.#fluid.now);
    }
    this.#sendDown(this.#coordinator, part);
  }

  #isShared(parent: Process, child: Process): boolean {
    return this.#cluster.topology === 'tree' && child.isWorker && parent.host === child.host;
  }

  /** A part goes from one process to another. */
  #hop(from: Process, to: Process, then: () => void): void {
    const { message, byte, wake } = this.#costs;
    const bytes = 4 * this.#values;
    from.main.do(message, () =>
      from.io.do(message + byte * bytes, () =>
        (to.parent === from ? to.fromParent : from.toParent).do(bytes * 8 * framing, () =>
          this.#fluid.after(wake, () => to.io.do(message + byte * bytes, () => to.main.do(message, then))),
        ),
      ),
    );
  }
}

/** Level by level, the first that has room for another below it. */
function shallowest(level: readonly Process[], fanIn: number): Process | undefined {
  const below = (process: Process): Process[] => process.children.filter(({ isWorker }) => !isWorker);
  const [first] = [...level].sort((a, b) => below(a).length - below(b).length);
  if (!first || below(first).length < fanIn) return first;
  return shallowest(level.flatMap(below), fanIn);
}
