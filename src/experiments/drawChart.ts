import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';

/** A point, and how far up and down its value spreads. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly spread?: number | undefined;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** A line to compare with, without points. */
  readonly isIdeal?: boolean;
}

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  /** Marks; chosen where not given. */
  readonly ticks?: readonly number[];
  /** An end that must be in sight. */
  readonly include?: number;
}

export interface Chart {
  readonly title: string;
  /** One sentence on what is to be seen, for those who do not see it. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const [width, height] = [640, 400];
const margin = { top: 36, right: 16, bottom: 48, left: 78 };
/** Of one entry. */
const legendWidth = 184;
/** Okabe and Ito: told apart by colour-blind eyes, on white and on black. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c6bb1', '#7f7f7f'];
const markers = ['circle', 'square', 'triangle', 'diamond'] as const;

type Scale = ReturnType<typeof scaleLinear<number, number>> | ReturnType<typeof scaleLog<number, number>>;

/** A chart as an SVG of its own: points with their spread, lines between them, a legend. Nothing where there is no point. */
export function drawChart(chart: Chart): string {
  const shown = chart.series.map((series) => ({ ...series, points: series.points.filter((point) => isShown(point, chart)) }));
  const points = shown.filter(({ isIdeal }) => isIdeal !== true).flatMap((series) => series.points);
  if (points.length === 0) return '';
  const columns = Math.max(1, Math.floor((width - margin.left) / legendWidth));
  const legendHeight = 20 * Math.ceil(shown.length / columns);
  const bottom = height - margin.bottom;
  const spreads = points.flatMap(({ y, spread = 0 }) => [y - spread, y + spread]).filter((y) => chart.y.scale === 'linear' || y > 0);
  const x = scaleOf(
    chart.x,
    points.map((point) => point.x),
    [margin.left, width - margin.right],
  );
  const y = scaleOf(chart.y, [...points.map((point) => point.y), ...spreads], [bottom, margin.top]);
  const body = shown.map((series, i) => drawSeries(series, x, y, colours[i % colours.length] ?? '', i)).join('');
  const legend = shown.map((series, i) =>
    legendEntry(series, i, margin.left + (i % columns) * legendWidth, height + 12 + 20 * Math.floor(i / columns)),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + legendHeight + 8}" role="img" class="chart" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escapeText(chart.title)}</title><desc>${escapeText(chart.description)}</desc>`,
    '<style>.chart{color:#1f2328;background:#fff}.chart text{fill:currentColor}.chart .grid{stroke:currentColor;opacity:.15}@media (prefers-color-scheme:dark){.chart{color:#e6edf3;background:#0d1117}}</style>',
    `<text x="${margin.left}" y="20" font-size="15" font-weight="600">${escapeText(chart.title)}</text>`,
    drawAxes(chart, x, y),
    `<clipPath id="area-${slug(chart.title)}"><rect x="${margin.left - 8}" y="${margin.top - 8}" width="${width - margin.right - margin.left + 16}" height="${bottom - margin.top + 16}"/></clipPath>`,
    `<g clip-path="url(#area-${slug(chart.title)})">${body}</g>`,
    legend.join(''),
    '</svg>',
  ].join('');
}

function isShown({ x, y }: Point, chart: Chart): boolean {
  const isOn = (value: number, { scale }: Axis): boolean => Number.isFinite(value) && (scale === 'linear' || value > 0);
  return isOn(x, chart.x) && isOn(y, chart.y);
}

function scaleOf({ scale, include }: Axis, values: readonly number[], range: [number, number]): Scale {
  const all = include === undefined ? values : [...values, include];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = scale === 'log' ? [low / 1.15, high * 1.15] : [low - (high - low || 1) * 0.05, high + (high - low || 1) * 0.05];
  const domain: [number, number] = [include === low && scale === 'linear' ? low : (room[0] ?? low), room[1] ?? high];
  return scale === 'log' ? scaleLog(domain, range) : scaleLinear(domain, range);
}

function ticksOf(axis: Axis, scale: Scale): readonly number[] {
  if (axis.ticks) return axis.ticks;
  const [low = 1, high = 1] = scale.domain();
  const ticks = scale.ticks(6);
  // Of a decade as many as can stand side by side.
  const firsts = high / low < 100 ? [1, 2, 5] : [1];
  return axis.scale === 'log'
    ? ticks.filter((tick) => firsts.includes(Math.round(tick / 10 ** Math.floor(Math.log10(tick) + 1e-9))))
    : ticks;
}

function drawAxes(chart: Chart, x: Scale, y: Scale): string {
  const bottom = height - margin.bottom;
  const xTicks = ticksOf(chart.x, x).map((tick) => {
    const at = place(x(tick));
    return `<line class="grid" x1="${at}" x2="${at}" y1="${margin.top}" y2="${bottom}"/><text x="${at}" y="${bottom + 18}" text-anchor="middle">${number(tick)}</text>`;
  });
  const yTicks = ticksOf(chart.y, y).map((tick) => {
    const at = place(y(tick));
    return `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/><text x="${margin.left - 8}" y="${at + 4}" text-anchor="end">${number(tick)}</text>`;
  });
  const middle = (margin.top + bottom) / 2;
  return [
    ...xTicks,
    ...yTicks,
    `<text x="${(margin.left + width - margin.right) / 2}" y="${bottom + 38}" text-anchor="middle">${escapeText(chart.x.label)}</text>`,
    `<text transform="rotate(-90)" x="${-middle}" y="14" text-anchor="middle">${escapeText(chart.y.label)}</text>`,
  ].join('');
}

function drawSeries({ points, isIdeal }: Series, x: Scale, y: Scale, colour: string, index: number): string {
  const path = line<Point>(
    (point) => place(x(point.x)),
    (point) => place(y(point.y)),
  )([...points].sort((a, b) => a.x - b.x));
  if (isIdeal) return `<path d="${path}" fill="none" stroke="currentColor" stroke-dasharray="5 4" opacity=".6"/>`;
  const bars = points.flatMap(({ x: at, y: value, spread = 0 }) => {
    const low = y(value - spread);
    const high = y(value + spread);
    return spread > 0 && Number.isFinite(low) && Number.isFinite(high)
      ? [`<line x1="${place(x(at))}" x2="${place(x(at))}" y1="${place(low)}" y2="${place(high)}" stroke="${colour}" stroke-width="1.5"/>`]
      : [];
  });
  // Curves of many points say more without marks.
  const marks = points.length > 30 ? [] : points.map((point) => mark(index, place(x(point.x)), place(y(point.y)), colour));
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${bars.join('')}${marks.join('')}`;
}

/** Shapes beside colours: a legend must not hang on colour alone. */
function mark(index: number, x: number, y: number, colour: string): string {
  // Where the colours come round, the shape does not.
  switch (markers[(index + Math.floor(index / colours.length)) % markers.length]) {
    case 'square':
      return `<rect x="${x - 3.5}" y="${y - 3.5}" width="7" height="7" fill="${colour}"/>`;
    case 'triangle':
      return `<path d="M${x} ${y - 5}l4.5 8h-9z" fill="${colour}"/>`;
    case 'diamond':
      return `<path d="M${x} ${y - 5}l5 5-5 5-5-5z" fill="${colour}"/>`;
    default:
      return `<circle cx="${x}" cy="${y}" r="4" fill="${colour}"/>`;
  }
}

function legendEntry({ name, isIdeal }: Series, index: number, x: number, y: number): string {
  const colour = colours[index % colours.length] ?? '';
  const sample = isIdeal
    ? `<line x1="${x}" x2="${x + 18}" y1="${y}" y2="${y}" stroke="currentColor" stroke-dasharray="5 4" opacity=".6"/>`
    : mark(index, x + 9, y, colour);
  return `${sample}<text x="${x + 24}" y="${y + 4}">${escapeText(name)}</text>`;
}

function place(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Few digits, and thousands with commas. */
function number(value: number): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(4)));
}

function slug(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}

/** Text as HTML and SVG hold it. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
