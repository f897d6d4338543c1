import { Gauge, Registry } from 'prom-client';
import { snakeCase } from '../../shared/text/snakeCase.js';
import type { FollowedRun } from './followedRun.js';

/** What runs are doing, in the text format of Prometheus. Everything is a gauge with the run's name: a run that is gone on with begins at an earlier step. */
export function prometheusText(runs: readonly FollowedRun[]): Promise<string> {
  const registry = new Registry();
  const gauges = new Map<string, Gauge>();
  const set = (name: string, help: string, labels: Readonly<Record<string, string>>, value: number | null | undefined): void => {
    if (value === null || value === undefined) return;
    let gauge = gauges.get(name);
    if (!gauge) {
      gauge = new Gauge({ name: freeName(registry, `bpnn_dist_${name}`), help, labelNames: Object.keys(labels), registers: [registry] });
      gauges.set(name, gauge);
    }
    gauge.set({ ...labels }, value);
  };
  for (const run of runs) setRun(run, set);
  return registry.metrics();
}

/** What a scrape is answered with is of this kind. */
export const prometheusType = Registry.PROMETHEUS_CONTENT_TYPE;

type Set = (name: string, help: string, labels: Readonly<Record<string, string>>, value: number | null | undefined) => void;

function setRun({ id, trouble, status, isSilent, steps, lastEpoch }: FollowedRun, set: Set): void {
  const run = { run: id };
  set('readable', '1 while its folder can be read.', run, trouble === undefined ? 1 : 0);
  set('steps', 'Steps done.', run, steps.count);
  set('samples', 'Samples of all steps done.', run, steps.samples);
  set('steps_planned', 'Steps that the run takes at most.', run, status?.totalSteps);
  set('samples_per_second', 'Samples a second, over about the last second.', run, isSilent ? 0 : status?.samplesPerSecond);
  set(
    'training',
    '1 while it trains, 0 while it waits, once it is over, and when its coordinator is not heard of.',
    run,
    status && (status.state === 'training' && !isSilent ? 1 : 0),
  );
  set('epoch', 'Epoch of the next step, counted from 0.', run, status?.epoch);
  for (const [name, value] of Object.entries(steps.last())) {
    set(`step_${snakeCase(name)}`, `${name} of the last step.`, run, value);
  }
  for (const [name, value] of Object.entries(lastEpoch ?? {})) {
    if (name !== 'epoch' && name !== 'steps') set(`epoch_${snakeCase(name)}`, `${name} of the last whole epoch.`, run, value);
  }
  for (const worker of status?.workers ?? []) {
    const labels = { ...run, worker: worker.name, host: worker.host };
    set('worker_ready', '1 while the worker can compute.', labels, worker.state === 'ready' && !isSilent ? 1 : 0);
    set('worker_shards', 'Shards and evaluation chunks it has answered for.', labels, worker.shards);
    set('worker_compute_seconds', 'Seconds it has computed.', labels, worker.computeSeconds);
    set('worker_wait_seconds', 'Seconds of training that it has not computed.', labels, worker.waitSeconds);
    set('worker_restarts', 'How often it has come again.', labels, worker.restarts);
  }
}

/** A name with letters, digits and underscores alone, as Prometheus wants it; what is written so already has another number. */
function freeName(registry: Registry, name: string): string {
  const legal = name.replace(/\W/g, '_');
  let free = legal;
  for (let i = 2; registry.getSingleMetric(free); i++) free = `${legal}_${i}`;
  return free;
}
