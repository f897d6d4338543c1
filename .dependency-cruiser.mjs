/**
 * The arrows between rooms: what each may import besides itself. Rooms outside shared may also import all of shared.
 * Any other import is refused, imports of types included. A new room needs a row of its own.
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
  runFolder: ['coordinator/training', 'coordinator/members', 'coordinator/timing'],
  view: ['runFolder', 'coordinator/training', 'coordinator/members', 'coordinator/timing'],
  inference: ['runFolder', 'formats', 'data', 'engines'],
  run: [...room('coordinator'), ...room('step'), 'runFolder', 'launch', 'data', 'formats', 'view'],
  experiments: ['run', 'runFolder', 'data'],

  // The two ways in: the library, which is index.ts, and the command line.
  index: ['run', 'runFolder', 'inference'],
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
  'onnxruntime-node': '^src/engines/onnx/',
  'onnxruntime-web': '^src/engines/onnx/',
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

/** A room's own files: not those of rooms that stand within it. */
function pathOf(name) {
  if (name === 'index') return '^src/index\\.ts$';
  const isDivided = Object.keys(arrows).some((other) => other.startsWith(`${name}/`));
  return isDivided ? `^src/${name}/[^/]+$` : `^src/${name}/`;
}

/** What a row refuses. The message names the room, what it may import, and this table. */
function ruleOf([name, targets]) {
  const isShared = name.startsWith('shared/');
  const all = [...(isShared ? [] : ['shared']), ...targets];
  return {
    name: `arrows of ${name}`,
    comment: `${name} may import ${all.join(', ') || 'no other room'}: see the table in .dependency-cruiser.mjs.`,
    severity: 'error',
    from: { path: pathOf(name) },
    to: { path: '^(src|dist)/', pathNot: [pathOf(name), ...targets.map(pathOf), ...(isShared ? [] : ['^src/shared/'])] },
  };
}

const page = '^src/view/page/';

export default {
  forbidden: [
    ...Object.entries(arrows).map(ruleOf),
    {
      name: 'room without arrows',
      comment: 'This room has no row in the table in .dependency-cruiser.mjs: add one that names what it may import.',
      severity: 'error',
      from: { path: '^src/', pathNot: Object.keys(arrows).map(pathOf) },
      to: {},
    },
    { name: 'no circles', comment: 'Files import each other in a circle.', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no circles of folders',
      comment: 'Folders import each other in a circle.',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
    ...Object.entries(packages).map(([name, path]) => ({
      name: `only some import ${name}`,
      comment: `Only files at ${path} may import ${name}: see packages in .dependency-cruiser.mjs.`,
      severity: 'error',
      from: { path: '^src/', pathNot: path },
      to: { path: `(^|node_modules/)${name}(/|$)` },
    })),
    ...[{ pathNot: '^src/view/' }, { pathNot: page, dependencyTypesNot: ['type-only'] }].map((refused) => ({
      name: 'page imports types of view',
      comment: 'src/view/page runs in a browser: it may import types of view, and nothing else of this project.',
      severity: 'error',
      from: { path: page },
      to: { path: '^src/', ...refused },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/assembly/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
};
