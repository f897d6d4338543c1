import type { RunChange, ServerEnd, Value } from '../dashboard/api.js';
import { Chart } from './curveChart.js';
import { chartLines, colours } from './curveLines.js';
import { titleOf, type XAxis, zoomed } from './curves.js';
import { byId, element } from './dom.js';
import { epochsTable, eventItems, imageItems, networkTable, runCard, workersTable } from './panels.js';
import { get, RunView } from './runView.js';

/** Runs whose curves are drawn unless asked for: the newest. */
const drawnAtFirst = 8;

const axisNames: Readonly<Record<XAxis, string>> = { step: 'step', samples: 'samples', seconds: 'seconds' };

const runs = new Map<string, RunView>();
const charts = new Map<string, Chart>();
const shown = { axis: 'step' as XAxis, isLog: false, smoothing: 0, range: undefined as [number, number] | undefined, selected: '' };

const parts = {
  cards: byId('run-cards', HTMLElement),
  charts: byId('charts', HTMLElement),
  connection: byId('connection', HTMLElement),
  reading: byId('reading', HTMLElement),
  which: byId('which', HTMLElement),
  selected: byId('selected', HTMLSelectElement),
  workers: byId('workers', HTMLElement),
  events: byId('events', HTMLElement),
  network: byId('network', HTMLElement),
  epochs: byId('epochs', HTMLElement),
  imagesSection: byId('images-section', HTMLElement),
  images: byId('images', HTMLElement),
  imagesNote: byId('images-note', HTMLElement),
};

function drawn(): RunView[] {
  return [...runs.values()].filter((run) => run.isShown && run.snapshot);
}

function drawCharts(): void {
  const wanted = chartLines(drawn(), shown);
  for (const [name, lines] of wanted) {
    if (lines.every(({ y }) => y.every((value: Value) => value === null)) && !charts.has(name)) continue;
    chartOf(name).draw(lines, shown.range, shown.isLog, axisNames[shown.axis]);
  }
  for (const [name, { root }] of charts) root.hidden = (wanted.get(name) ?? []).length === 0;
}

function chartOf(name: string): Chart {
  const known = charts.get(name);
  if (known) return known;
  const chart = new Chart({
    title: name === 'noiseScale' ? 'Gradient noise scale (samples)' : name === 'samplesPerSecond' ? 'Samples a second' : titleOf(name),
    log: name === 'noiseScale' ? 'always' : name === 'accuracy' || name === 'samplesPerSecond' ? 'never' : 'asked',
    onZoom: (range) => void zoomTo(range),
    onMove: move,
    onRead(text) {
      parts.reading.textContent = text;
    },
  });
  charts.set(name, chart);
  parts.charts.append(chart.root);
  return chart;
}

/** All places that there are. */
function extent(): [number, number] {
  const ends = drawn().flatMap((run) => {
    const { places } = run.whole(shown.axis) ?? {};
    return places && places.length > 0 ? [places[0] ?? 0, places.at(-1) ?? 0] : [];
  });
  return ends.length === 0 ? [0, 1] : [Math.min(...ends), Math.max(...ends)];
}

/** Zooms that are being fetched. */
let zooming = 0;

async function zoomTo(range: [number, number] | undefined): Promise<void> {
  const all = extent();
  const isWhole = range !== undefined && range[0] <= all[0] && range[1] >= all[1];
  shown.range = isWhole ? undefined : range;
  zooming++;
  parts.charts.ariaBusy = 'true';
  drawSoon();
  await Promise.all(drawn().map((run) => run.zoom(shown.range, shown.axis))).catch(report);
  drawSoon();
  zooming--;
}

/** What could not be fetched is said; the next change tries again. */
function report(error: unknown): void {
  parts.connection.textContent = error instanceof Error ? error.message : String(error);
}

/** Draws everything once, however much has changed until the browser shows a picture. */
function drawSoon(): void {
  if (drawing !== undefined) return;
  drawing = requestAnimationFrame(() => {
    drawing = undefined;
    drawCards();
    drawCharts();
    drawPanels();
    if (zooming === 0) parts.charts.ariaBusy = 'false';
  });
}

let drawing: number | undefined;

function move(factor: number, shift: number): void {
  void zoomTo(zoomed(shown.range ?? extent(), extent(), factor, shift));
}

/** What the long parts of the page were last drawn for. */
const drawnFor = new Map<HTMLElement, string>();

function drawPanels(): void {
  const snapshot = runs.get(shown.selected)?.snapshot;
  if (!snapshot) return;
  parts.workers.replaceChildren(workersTable(snapshot));
  // The others change seldom, and are long.
  const { id, layers, epochs, events } = snapshot;
  for (const [part, key, make] of [
    [parts.network, [id, layers.length], () => [networkTable(snapshot)]],
    [parts.epochs, [id, epochs.length, epochs.at(-1)], () => [epochsTable(snapshot)]],
    [parts.events, [id, events.length, events.at(-1)], () => eventItems(snapshot)],
  ] as const) {
    const known = JSON.stringify(key);
    if (drawnFor.get(part) === known) continue;
    drawnFor.set(part, known);
    part.replaceChildren(...make());
  }
  parts.imagesSection.hidden = !snapshot.hasImages;
}

function drawCards(): void {
  const cards = [...runs.values()].map((run) => runCard(run, runs.size === 1, (isShown) => void showRun(run, isShown)));
  // Whoever stands on a box with the keyboard stays on it.
  const at = [...parts.cards.querySelectorAll('input')].indexOf(document.activeElement as HTMLInputElement);
  parts.cards.replaceChildren(...cards);
  if (at >= 0) parts.cards.querySelectorAll('input')[at]?.focus();
  document.title = runs.size === 1 ? `${[...runs.keys()][0]} · bpnn-dist` : `${runs.size} runs · bpnn-dist`;
  parts.which.hidden = runs.size === 1;
}

async function showRun(run: RunView, isShown: boolean): Promise<void> {
  if (isShown) await run.show().catch(report);
  run.isShown = isShown;
  await zoomTo(shown.range);
}

function select(id: string): void {
  shown.selected = id;
  parts.selected.value = id;
  parts.images.replaceChildren();
  parts.imagesNote.textContent = '';
  drawSoon();
}

function addRun(id: string): RunView {
  const run = new RunView(id, colours[runs.size % colours.length] ?? '', true);
  runs.set(id, run);
  parts.selected.append(element('option', { value: id }, id));
  return run;
}

async function changed(change: RunChange): Promise<void> {
  const run = runs.get(change.id) ?? addRun(change.id);
  run.tell(change);
  if (isListed) await refresh(run);
}

/** Fetches what is new of a run, and draws it. */
async function refresh(run: RunView): Promise<void> {
  if (!(await run.update())) return;
  if (shown.range) await run.zoom(shown.range, shown.axis);
  if (shown.selected === '') select(run.id);
  drawSoon();
}

/** Have all runs that were there at the beginning been told of? */
let isListed = false;

function begin(): void {
  const all = [...runs.values()];
  // Told again after the connection was lost, the page stays as it is.
  if (!isListed) for (const run of all.slice(0, Math.max(0, all.length - drawnAtFirst))) run.isShown = false;
  isListed = true;
  const newest = all.at(-1);
  if (shown.selected === '' && newest) select(newest.id);
  parts.connection.textContent = all.length === 0 ? 'no run yet' : '';
  for (const run of all) refresh(run).catch(report);
}

function listen(): void {
  const source = new EventSource('api/events');
  source.addEventListener('change', (event) => void changed(JSON.parse(event.data)).catch(report));
  source.addEventListener('all', begin);
  source.addEventListener('end', (event) => void end(source, JSON.parse(event.data)));
  source.onerror = () => {
    const isOver = source.readyState === EventSource.CLOSED;
    parts.connection.textContent = isOver
      ? 'the server does not let this page in any more; open it again'
      : 'the connection is lost; trying again';
  };
}

/** The server is about to end: the last is read, and stays on the page. */
async function end(source: EventSource, { reason, runs: kept }: ServerEnd): Promise<void> {
  await Promise.allSettled([...runs.values()].map(refresh));
  source.close();
  parts.connection.textContent = `${reason ?? 'the run is over'}${kept.length > 0 ? '; bpnn-dist view shows it again' : ''}`;
}

async function showImages(): Promise<void> {
  parts.imagesNote.textContent = 'computing';
  const id = shown.selected;
  try {
    const found = await get<Parameters<typeof imageItems>[0]>(`runs/${encodeURIComponent(id)}/hardest`);
    if (id !== shown.selected) return;
    parts.imagesNote.textContent = `${found.wrong} of ${found.samples} wrong (${found.part})`;
    parts.images.replaceChildren(...imageItems(found));
  } catch (error) {
    if (id === shown.selected) parts.imagesNote.textContent = error instanceof Error ? error.message : String(error);
  }
}

function listenToControls(): void {
  const axis = byId('axis', HTMLSelectElement);
  axis.addEventListener('change', () => {
    shown.axis = axis.value as XAxis;
    void zoomTo(undefined);
  });
  const log = byId('log', HTMLInputElement);
  log.addEventListener('change', () => {
    shown.isLog = log.checked;
    drawSoon();
  });
  const smoothing = byId('smoothing', HTMLInputElement);
  smoothing.addEventListener('input', () => {
    shown.smoothing = Number(smoothing.value);
    byId('smoothing-value', HTMLOutputElement).textContent = smoothing.value;
    drawSoon();
  });
  const onClick = (id: string, act: () => void): void => byId(id, HTMLButtonElement).addEventListener('click', act);
  onClick('zoom-in', () => move(0.5, 0));
  onClick('zoom-out', () => move(2, 0));
  onClick('zoom-left', () => move(1, -0.5));
  onClick('zoom-right', () => move(1, 0.5));
  onClick('zoom-all', () => void zoomTo(undefined));
  onClick('show-images', () => void showImages());
  parts.selected.addEventListener('change', () => select(parts.selected.value));
}

// What can be scrolled can be scrolled with the keyboard too.
for (const scroller of document.querySelectorAll<HTMLElement>('.table, #events')) scroller.tabIndex = 0;
listenToControls();
listen();
