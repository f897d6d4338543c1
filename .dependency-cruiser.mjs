/**
 * The arrows between rooms: what each may import besides itself. Rooms outside shared may also import all of shared.
 * What does not stand here is refused, also between two files of types; a new room starts with a line of its own.
 */
const arrows = {
  // What all sides agree on, from the ground up.
  'shared/text': [],
  'shared/system': ['shared/text'],
  'shared/files': ['shared/system', 'shared/text'],
  'shared/numbers': ['shared/system', 'shared/text'],
  'shared/model': ['shared/numbers', 'shared/text'],
  'shared/engine': ['shared/text'],
  'shared/onnx': ['shared/engine', 'shared/model', 'shared/numbers', 'shared/text'],
  'shared/config': ['shared/engine', 'shared/model', 'shared/numbers', 'shared/system', 'shared/text'],
  'shared/protocol': ['shared/engine', 'shared/model', 'shared/numbers', 'shared/text'],
  'shared/transport': ['shared/files', 'shared/system', 'shared/text'],
  'shared/http': ['shared/transport', 'shared/text'],

  // One step, whoever computes it.
  step: [],
  'step/update': ['step'],
  'step/memory': ['step'],
  'step/messages': ['step'],

  // The coordinator: what it decides, who is there, who is asked for what, and where the time goes.
  'coordinator/training': ['step', 'step/update'],
  'coordinator/members': [],
  'coordinator/timing': ['coordinator/training', 'coordinator/members'],
  'coordinator/work': ['coordinator/training', 'coordinator/members', 'coordinator/timing', ...room('step')],

  // Workers, and aggregators: a worker upward, a coordinator's fleet downward.
  'worker/connection': [],
  'worker/samples': ['worker/connection', 'data'],
  'worker/benchmark': ['engines'],
  'worker/compute': ['data', 'engines', ...room('step')],
  worker: [...room('worker'), 'data', 'engines', ...room('step')],
  aggregator: ['coordinator/members', 'coordinator/work', 'worker/connection', 'worker/samples', ...room('step')],

  // What they stand on.
  data: [],
  formats: [],
  engines: [],
  launch: ['data'],
  setup: ['engines'],
  netcheck: ['worker/connection'],

  // Runs: their folder, looking at them, using what they have trained, and what wires all of it.
  runFolder: [...room('coordinator')],
  view: ['runFolder', ...room('coordinator')],
  inference: ['runFolder', 'formats', 'data', 'engines'],
  run: [...room('coordinator'), ...room('step'), 'runFolder', 'launch', 'data', 'formats', 'view'],
  experiments: ['run', 'runFolder', 'data'],
  cli: [
    'aggregator',
    'data',
    'engines',
    'experiments',
    'formats',
    'inference',
    'launch',
    'netcheck',
    'run',
    'runFolder',
    'setup',
    'view',
    ...room('worker'),
  ],
};

/** Files that may import a package that others may not. */
const packages = {
  zeromq: '^src/shared/transport/',
  koffi: '^src/(shared/system/memorySystem|engines/gpu|engines/blas/library|engines/onnx/cudaPackage)\\.ts$',
  commander: '^src/cli/',
};

/** The parts of a room that is divided. */
function room(name) {
  const parts = {
    step: ['step', 'step/update', 'step/memory', 'step/messages'],
    coordinator: ['coordinator/training', 'coordinator/members', 'coordinator/work', 'coordinator/timing'],
    worker: ['worker/connection', 'worker/samples', 'worker/benchmark', 'worker/compute', 'worker'],
  };
  return parts[name];
}

/** A room's own files: where others stand within it, not those. */
function pathOf(name) {
  const isDivided = Object.keys(arrows).some((other) => other.startsWith(`${name}/`));
  return isDivided ? `^src/${name}/[^/]+$` : `^src/${name}/`;
}

const allowed = Object.entries(arrows).map(([name, targets]) => ({
  from: { path: pathOf(name) },
  to: { path: [pathOf(name), ...targets.map(pathOf), ...(name.startsWith('shared/') ? [] : ['^src/shared/'])] },
}));

export default {
  forbidden: [
    { name: 'no-circles', comment: 'Files import each other in a circle.', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(packages).map(([name, path]) => ({
      ...{ name: `only-some-import-${name}`, severity: 'error' },
      comment: `Only files at ${path} import ${name}.`,
      from: { path: '^src', pathNot: path },
      to: { path: `^node_modules/${name}/` },
    })),
  ],
  allowed: [...allowed, { from: { path: '^src/[^/]+$' }, to: {} }, { from: {}, to: { pathNot: '^src' } }],
  allowedSeverity: 'error',
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/assembly/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
};
