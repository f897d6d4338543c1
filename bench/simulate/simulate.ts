import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parametersOf } from '../settings.js';
import { type Costs, ringBoundMs, stepMs } from './cluster.js';
import { measureCosts } from './costs.js';
import { measure, onHosts } from './real.js';

/**
 * What a step takes on clusters of any size, from costs that are measured on this machine: `npm run bench:simulate`, as root on
 * Linux: it compares itself with real processes on hosts in namespaces.
 */

const short = (ms: number): string => (ms >= 1_000 ? `${(ms / 1_000).toPrecision(3)} s` : `${ms.toPrecision(3)} ms`);
const shards = 16;
const hiddens = [128, 1_200] as const;

/** Real processes, all on the cores of this machine, over links of these speeds. */
async function compare(costs: Costs): Promise<Record<string, string | number>[]> {
  const rows: Record<string, string | number>[] = [];
  for (const [megabits, sizes] of [
    [100, hiddens],
    [1_000, hiddens.slice(0, 1)],
  ] as const) {
    await onHosts(5, megabits, async (hosts) => {
      for (const hidden of sizes) {
        for (const workers of [1, 2, 4, 8, 16]) {
          for (const topology of ['star', 'tree'] as const) {
            const parameters = parametersOf({ hidden: [hidden] });
            const cluster = { workers, parameters, topology, perHost: 4, fanIn: 16, gigabits: megabits / 1_000 };
            // A tenth of the parameters computes in a tenth of the time.
            const compute = (costs.compute * shards * parameters) / parametersOf({ hidden: [hiddens[1]] }) / workers;
            const predicted = stepMs({ ...cluster, cores: availableParallelism(), isOneMachine: true }, { ...costs, compute });
            const steps = Math.max(6, Math.min(100, Math.round(6_000 / predicted)));
            const { median } = await measure(hosts, { workers, perHost: 4, hidden, topology, steps, shards });
            const off = `${(100 * (predicted / median - 1)).toFixed(0)} %`;
            rows.push({ 'Mbit/s': megabits, parameters, workers, topology, measured: short(median), predicted: short(predicted), off });
            console.error(JSON.stringify(rows.at(-1)));
          }
        }
      }
    });
  }
  return rows;
}

/** Where a tree begins to pay on this machine: two hosts of two workers, whose links are as fast as it can. */
function crossover(): Promise<Record<string, string | number>[]> {
  return onHosts(3, undefined, async (hosts) => {
    const rows: Record<string, string | number>[] = [];
    for (const hidden of [8, 32, 128, 512, 1_200]) {
      const run = { workers: 4, perHost: 2, hidden, steps: 200, shards: 4 } as const;
      const medians: Record<'star' | 'tree', number[]> = { star: [], tree: [] };
      // In turn: the machine is shared.
      for (const topology of ['star', 'tree', 'star', 'tree'] as const)
        medians[topology].push((await measure(hosts, { ...run, topology })).median);
      const parameters = parametersOf({ hidden: [hidden] });
      rows.push({ parameters, star: short(Math.min(...medians.star)), tree: short(Math.min(...medians.tree)) });
      console.error(JSON.stringify(rows.at(-1)));
    }
    return rows;
  });
}

/** Hosts of eight workers with cores of their own, each of which computes 10 ms a step. */
function predict(costs: Costs): Record<string, string | number>[] {
  const rows: Record<string, string | number>[] = [];
  for (const parameters of [1e5, 1e6, 1e7, 1e8]) {
    for (const gigabits of [1, 10, 100]) {
      for (const workers of [1, 8, 64, 256, 1_000]) {
        const cluster = { workers, parameters, gigabits, perHost: 8, fanIn: 4 };
        const with10 = { ...costs, compute: 10 };
        rows.push({
          ...{ parameters: parameters.toLocaleString('en-US'), 'Gbit/s': gigabits, workers },
          star: short(stepMs({ ...cluster, topology: 'star' }, with10)),
          tree: short(stepMs({ ...cluster, topology: 'tree' }, with10)),
          'ring, at best': short(ringBoundMs({ ...cluster, topology: 'star' }, with10)),
        });
      }
    }
  }
  return rows;
}

/** How many aggregators one node is to have below it: with fewer there are more levels, and less goes over each link. */
function fanIns(costs: Costs): Record<string, string | number>[] {
  return [1e5, 1e6, 1e7].flatMap((parameters) =>
    [64, 256, 1_000].map((workers) => {
      const times = [2, 4, 8, 16].map((fanIn): [string, string] => {
        const cluster = { workers, parameters, gigabits: 10, perHost: 8, topology: 'tree', fanIn } as const;
        return [`fan-in ${fanIn}`, short(stepMs(cluster, { ...costs, compute: 10 }))];
      });
      return { parameters: parameters.toLocaleString('en-US'), workers, ...Object.fromEntries(times) };
    }),
  );
}

const results = new URL('../results/', import.meta.url);
mkdirSync(results, { recursive: true });
const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}`;
const costs = await measureCosts(hiddens[1]);
console.log(machine);
console.log(costs);
const crossed = await crossover();
console.table(crossed);
const compared = await compare(costs);
console.table(compared);
const predicted = predict(costs);
console.table(predicted);
const fans = fanIns(costs);
console.table(fans);
writeFileSync(
  new URL('simulate.json', results),
  `${JSON.stringify({ machine, costs, crossed, compared, predicted, fans }, undefined, 2)}\n`,
);
