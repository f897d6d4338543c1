import { Fleet } from '../coordinator/members/fleet.js';
import type { FleetEvents } from '../coordinator/members/fleetPorts.js';
import { Reception, type ReceptionOptions } from '../coordinator/members/reception.js';
import type { Tracer } from '../coordinator/timing/tracer.js';
import { Assignments } from '../coordinator/work/assignments.js';
import type { Config } from '../shared/config/configSchema.js';
import { plainConfig } from '../shared/config/plainConfig.js';
import type { EngineOn } from '../shared/engine/engineFigures.js';
import { version } from '../shared/system/version.js';
import type { Hub } from '../shared/transport/transport.js';
import { MemorySteps } from '../step/memory/memorySteps.js';
import type { CoordinatorArrays } from './coordinatorArrays.js';
import type { Launchers } from './endpoint.js';
import type { PreparedRun } from './prepareRun.js';
import { sampleGiver } from './sampleSource.js';

/** What a run's fleet is made of. */
export interface FleetParts {
  readonly hub: Hub;
  readonly prepared: PreparedRun;
  readonly arrays: CoordinatorArrays;
  /** Start the workers' processes, one each; undefined where they come by themselves. */
  readonly launchers: Launchers | undefined;
  /** Measure engines whatever is known of them from before. */
  readonly measuresAnew: boolean | undefined;
  readonly tracer: Tracer | undefined;
  /** Are they processes of this machine that the run starts? */
  readonly isLocal: boolean;
}

/** Opens the fleet of a run: whoever comes is let in, or sent to an aggregator, and asked for work. */
export function openFleet(parts: FleetParts, events: FleetEvents): Fleet<Assignments> {
  const { hub, prepared, arrays, tracer } = parts;
  const { shards, stepTimeout } = prepared.plan.config;
  const { slices, weightsOut, halves, shared } = arrays;
  const memorySteps = shared && new MemorySteps(shared.arena, shared.memory.system);
  return new Fleet(
    {
      ...{ hub, slices, events, unpack: halves?.unpack, layout: prepared.layout, samples: sampleGiver(prepared) },
      desk: (roster, ports) => new Reception(receptionOf(parts), roster, ports),
    },
    (fleet) => new Assignments({ slices, weightsOut, memorySteps, tracer, shards, stepTimeout }, fleet),
  );
}

function receptionOf({ prepared, arrays, launchers, measuresAnew = false, isLocal }: FleetParts): ReceptionOptions {
  const { config } = prepared.plan;
  return {
    ...{ version, measuresAnew, fingerprint: prepared.fingerprint, layout: prepared.layout },
    config({ engine, device }: EngineOn) {
      const { resolved, ...given } = config;
      return plainConfig({ ...given, engine, device });
    },
    engine: { wanted: config, known: config.mixedNumerics ? undefined : usedBefore(config) },
    shardsEach: Math.ceil(config.shards / config.workers),
    prepareTimeout: config.prepareTimeout,
    mixedNumerics: config.mixedNumerics,
    probe: config.resolved?.probe,
    sliceSize: arrays.slices[0]?.size ?? 1,
    // Those that are started on this machine share its memory: nothing between them would be faster.
    tree: {
      topology: isLocal ? 'star' : config.topology,
      fanIn: config.fanIn,
      expects: (launchers?.aggregators.length ?? 0) > 0,
    },
  };
}

/** What a run that is resumed has computed with. */
function usedBefore({ resolved, device }: Config): EngineOn | undefined {
  return resolved && { engine: resolved.engine, device: resolved.device ?? device };
}
