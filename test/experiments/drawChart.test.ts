import { test } from 'tap';
import { type Chart, drawChart } from '../../src/experiments/drawChart.js';

const chart: Chart = {
  title: 'Steps & <time>',
  description: 'What is to be seen.',
  x: { label: 'global batch', scale: 'log', ticks: [32, 64] },
  y: { label: 'steps', scale: 'log' },
  series: [
    {
      name: 'same rate',
      points: [
        { x: 32, y: 1_000, spread: 100 },
        { x: 64, y: 100 },
      ],
    },
    {
      name: 'ideal',
      isIdeal: true,
      points: [
        { x: 32, y: 1_000 },
        { x: 64, y: 500 },
      ],
    },
  ],
};

/** Where the circles are, across and down. */
function circles(svg: string): number[][] {
  return [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="4"/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

test('points stand where their values are, on axes that say what they are', async (t) => {
  const svg = drawChart(chart);
  const [first, second] = circles(svg);
  t.ok((first?.[0] ?? 0) < (second?.[0] ?? 0), 'larger batches to the right');
  t.ok((first?.[1] ?? 0) < (second?.[1] ?? 0), 'more steps further up');
  t.match(svg, /<title>Steps &amp; &lt;time&gt;<\/title><desc>What is to be seen\.<\/desc>/);
  for (const text of ['global batch', 'steps', 'same rate', 'ideal', '1,000']) t.ok(svg.includes(`>${text}</text>`), text);
  t.equal(svg.match(/stroke-dasharray/g)?.length, 2, 'the ideal and its sign');
  t.notMatch(svg, /NaN|undefined|Infinity/);
});

test('on a logarithmic axis equal ratios are equal distances', async (t) => {
  const values = [10, 100, 1_000];
  const svg = drawChart({ ...chart, series: [{ name: 'a', points: values.map((y, i) => ({ x: 2 ** i, y })) }] });
  const [a = [], b = [], c = []] = circles(svg);
  for (const axis of [0, 1]) t.ok(Math.abs((b[axis] ?? 0) - (a[axis] ?? 0) - ((c[axis] ?? 0) - (b[axis] ?? 0))) < 0.3);
});

test('what cannot be shown is left out, and an empty chart is none', async (t) => {
  const points = [
    { x: 32, y: Number.NaN },
    { x: 0, y: 5 },
    { x: 32, y: -1 },
  ];
  t.equal(drawChart({ ...chart, series: [{ name: 'a', points }] }), '');
  const svg = drawChart({ ...chart, series: [{ name: 'a', points: [...points, { x: 64, y: 7, spread: 9 }] }] });
  t.equal(circles(svg).length, 2, 'the point and its sign in the legend');
  t.notMatch(svg, /NaN|Infinity/);
});
