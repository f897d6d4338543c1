import type uPlotType from 'uplot';
import type { Curve } from './curves.js';
import { element } from './dom.js';
import { figure } from './shownNumbers.js';

declare const uPlot: typeof uPlotType;

/** A curve with how it is drawn. */
export interface Line extends Curve {
  readonly label: string;
  readonly colour: string;
  readonly style: 'line' | 'faint' | 'dashed';
  /** Least and largest of what each point stands for. */
  readonly spread?: { readonly min: Curve['y']; readonly max: Curve['y'] } | undefined;
}

export interface ChartOptions {
  readonly title: string;
  /** Its values span decades, always or where one asks for it; or never. */
  readonly log: 'always' | 'asked' | 'never';
  /** Given two places, zooms in between them; undefined zooms out. */
  readonly onZoom: (range: [number, number] | undefined) => void;
  /** Zooms by a factor of what is seen, or moves by a part of it. */
  readonly onMove: (factor: number, shift: number) => void;
  /** Says to those who cannot see it what stands under the cursor. */
  readonly onRead: (text: string) => void;
}

/** One chart: curves over the same places, a legend that reads them, and everything by mouse or keyboard. */
export class Chart {
  readonly root: HTMLElement;
  readonly #options: ChartOptions;
  readonly #plot: HTMLDivElement;
  readonly #legend: HTMLUListElement;
  #lines: readonly Line[] = [];
  #drawn: uPlotType | undefined;
  #shape = '';
  #isLog = false;
  #range: readonly [number, number] | undefined;
  #axis = '';

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#plot = element('div', { class: 'plot', tabindex: 0, role: 'img' });
    this.#plot.addEventListener('keydown', (event) => this.#key(event));
    this.#legend = element('ul', { class: 'legend' });
    this.root = element('figure', {}, element('figcaption', {}, element('h3', {}, options.title)), this.#plot, this.#legend);
    new ResizeObserver(() => this.#drawn?.setSize(this.#size)).observe(this.#plot);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#rebuild());
  }

  /** @param range places to show; undefined shows all. @param axis what stands along it */
  draw(lines: readonly Line[], range: readonly [number, number] | undefined, isLog: boolean, axis: string): void {
    this.#lines = lines;
    this.#range = range;
    this.#axis = axis;
    const log = this.#options.log === 'always' || (isLog && this.#options.log === 'asked');
    const shape = JSON.stringify([
      log,
      axis,
      lines.map(({ label, colour, style, spread }) => [label, colour, style, spread !== undefined]),
    ]);
    if (shape !== this.#shape || !this.#drawn) {
      this.#shape = shape;
      this.#isLog = log;
      this.#build(log);
    } else this.#drawn.setData(this.#data(log));
    this.#describe();
    this.#read(null);
  }

  #rebuild(): void {
    if (this.#drawn) this.#build(this.#isLog);
  }

  get #size(): { width: number; height: number } {
    return { width: Math.max(50, this.#plot.clientWidth), height: 240 };
  }

  #data(isLog: boolean): uPlotType.AlignedData {
    // On a logarithmic scale there is no place for what is not above 0.
    const shown = (values: Curve['y']): (number | null)[] => values.map((value) => (isLog && value !== null && value <= 0 ? null : value));
    const tables = this.#lines.map(({ x, y, spread }): uPlotType.AlignedData => {
      const columns = spread ? [y, spread.min, spread.max] : [y];
      return [[...x], ...columns.map(shown)];
    });
    return tables.length === 0 ? [[]] : uPlot.join(tables);
  }

  #build(isLog: boolean): void {
    this.#drawn?.destroy();
    const series: uPlotType.Series[] = [{}];
    const bands: uPlotType.Band[] = [];
    for (const { colour, style, spread } of this.#lines) {
      const dash = style === 'dashed' ? { dash: [6, 4] } : {};
      series.push({
        ...{ stroke: style === 'faint' ? `${colour}55` : colour, width: style === 'faint' ? 1 : 1.75, spanGaps: true, ...dash },
        // Of a few points a line alone shows little, of one nothing.
        points: style === 'dashed' ? { show: true, size: 5, fill: colour } : style === 'line' ? {} : { show: false },
      });
      if (!spread) continue;
      bands.push({ series: [series.length + 1, series.length], fill: `${colour}2e` });
      for (let edge = 0; edge < 2; edge++) series.push({ stroke: 'transparent', spanGaps: true, points: { show: false } });
    }
    const style = getComputedStyle(document.documentElement);
    const [faint, grid] = ['--faint', '--grid'].map((name) => style.getPropertyValue(name));
    const axis: uPlotType.Axis = { stroke: faint ?? '', grid: { stroke: grid ?? '', width: 1 }, ticks: { stroke: grid ?? '', width: 1 } };
    this.#drawn = new uPlot(
      {
        ...this.#size,
        series,
        bands,
        legend: { show: false },
        axes: [
          {
            ...axis,
            label: this.#axis,
            labelSize: 16,
            labelGap: 0,
            labelFont: '12px system-ui',
            size: 34,
            values: (_, ticks) => ticks.map(short),
          },
          { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : short(tick))) },
        ],
        scales: {
          x: { time: false, range: (_, min, max) => this.#xRange(min, max) },
          y: isLog ? { distr: 3, range: (_, min, max) => logRange(min, max) } : {},
        },
        cursor: {
          sync: { key: 'x' },
          drag: { x: true, y: false, setScale: false },
          bind: {
            dblclick: () => () => {
              this.#options.onZoom(undefined);
              return null;
            },
          },
        },
        hooks: {
          setCursor: [(drawn) => this.#read(drawn.cursor.idx ?? null)],
          setSelect: [
            (drawn) => {
              const { left, width } = drawn.select;
              if (width < 4) return;
              drawn.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              this.#options.onZoom([drawn.posToVal(left, 'x'), drawn.posToVal(left + width, 'x')]);
            },
          ],
        },
      },
      this.#data(isLog),
      this.#plot,
    );
  }

  #xRange(min: number | null, max: number | null): [number, number] {
    if (this.#range) return [this.#range[0], this.#range[1]];
    const [low, high] = [min ?? 0, max ?? 1];
    return high > low ? [low, high] : [low - 0.5, low + 0.5];
  }

  /** What the curves say, for those who do not see them. */
  #describe(): void {
    const said = this.#lines
      .filter(({ style }) => style !== 'faint')
      .map(({ label, y }) => {
        const known = y.filter((value) => value !== null);
        if (known.length === 0) return `${label}: nothing yet`;
        const [low, high] = [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))];
        return `${label}: now ${figure(known.at(-1))}, least ${figure(low)}, largest ${figure(high)}`;
      });
    this.#plot.setAttribute('aria-label', `${this.#options.title} over ${this.#axis}. ${said.join('. ')}`);
  }

  /** The legend shows the values under the cursor, or the last ones. */
  #read(index: number | null): void {
    const data = this.#drawn?.data ?? [[]];
    const entries = this.#lines.flatMap((line, i) => {
      if (line.style === 'faint') return [];
      const column = data[1 + this.#lines.slice(0, i).reduce((sum, { spread }) => sum + (spread ? 3 : 1), 0)];
      const value = index === null ? line.y.findLast((one) => one !== null) : nearest(column ?? [], index);
      const swatch = element('span', { class: `swatch ${line.style}` });
      swatch.style.color = line.colour;
      return [element('li', {}, swatch, ` ${line.label} `, element('b', {}, figure(value)))];
    });
    const place = index === null ? undefined : data[0]?.[index];
    const at = place === undefined ? [] : [element('li', { class: 'faint' }, `${this.#axis} ${figure(place)}`)];
    this.#legend.replaceChildren(...entries, ...at);
  }

  #key(event: KeyboardEvent): void {
    const { onMove, onZoom, onRead } = this.#options;
    switch (event.key) {
      case '+':
        onMove(0.5, 0);
        break;
      case '-':
        onMove(2, 0);
        break;
      case '0':
        onZoom(undefined);
        break;
      case 'ArrowLeft':
      case 'ArrowRight':
        this.#step(event.key === 'ArrowLeft' ? -1 : 1);
        onRead(`${this.#options.title}: ${[...this.#legend.children].map((entry) => entry.textContent.trim()).join(', ')}`);
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  /** Moves the cursor to another point in sight. */
  #step(by: number): void {
    const drawn = this.#drawn;
    if (!drawn || drawn.data[0].length === 0) return;
    const [first, last] = drawn.series[0]?.idxs ?? [0, drawn.data[0].length - 1];
    const at = Math.max(first ?? 0, Math.min(last ?? 0, (drawn.cursor.idx ?? (by < 0 ? (last ?? 0) + 1 : (first ?? 0) - 1)) + by));
    drawn.setCursor({ left: drawn.valToPos(drawn.data[0][at] ?? 0, 'x'), top: 10 });
  }
}

/** Whole decades; around one value alone, half and double of it. */
function logRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0.1, 1];
  return min === max ? [min / 2, max * 2] : (uPlot.rangeLog(min, max, 10, false) as [number, number]);
}

/** A value at a place or, where the curve has no point there, the one before it. */
function nearest(values: ArrayLike<number | null | undefined>, index: number): number | null {
  for (let i = index; i >= 0; i--) {
    const value = values[i];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return size !== 0 && size < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(4)));
}
