import { test } from 'tap';
import { betterCoreType } from '../../../src/engines/blas/coreType.js';

const cpuinfo = (flags: string): string =>
  `processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Processor\nflags\t\t: fpu sse2 ${flags}\nbugs\t\t:\n`;
const avx2 = 'avx avx2 fma';
const avx512 = `${avx2} avx512f avx512dq avx512cd avx512bw avx512vl amx_tile`;

test('OpenBLAS on a processor that it does not know', async (t) => {
  t.equal(betterCoreType('Prescott', cpuinfo(avx512), undefined), 'SkylakeX');
  t.equal(betterCoreType('PRESCOTT', cpuinfo(avx512), ''), 'SkylakeX');
  t.equal(betterCoreType('Core2', cpuinfo(avx2), undefined), 'Haswell');
  t.equal(betterCoreType('Prescott', cpuinfo('avx'), undefined), undefined, 'it has no better one');
});

test('a choice that stays', async (t) => {
  for (const core of ['SkylakeX', 'Haswell', 'Zen', 'Cooperlake', 'Sapphirerapids', 'neoversen1'])
    t.equal(betterCoreType(core, cpuinfo(avx512), undefined), undefined, core);
  t.equal(betterCoreType('Prescott', cpuinfo(avx512), 'Prescott'), undefined, 'the user has set it');
  t.equal(betterCoreType('Prescott', '', undefined), undefined, 'nothing is known of the processor');
});
