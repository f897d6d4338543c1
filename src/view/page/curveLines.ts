import type { Line } from './curveChart.js';
import { type Curve, epochCurve, smoothed, speedCurve, validationName, type XAxis } from './curves.js';
import type { RunView } from './runView.js';

/** Okabe and Ito's: colour-blind eyes tell them apart, on white and on black. */
export const colours: readonly string[] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c6bb1', '#7f7f7f'];

export interface LineOptions {
  readonly axis: XAxis;
  /** What a step leaves to those before it; 0 does not smooth. */
  readonly smoothing: number;
}

/** What some runs draw, by the name of the chart. */
export function chartLines(runs: readonly RunView[], options: LineOptions): Map<string, Line[]> {
  const names = [...new Set(runs.flatMap(({ snapshot }) => snapshot?.figures ?? [])), 'learningRate', 'noiseScale'];
  const ownerOf = (run: RunView): string => (runs.length === 1 ? '' : run.id);
  return new Map([
    ...names.map((name): [string, Line[]] => [name, runs.flatMap((run) => figureLines(run, name, ownerOf(run), options))]),
    ['samplesPerSecond', runs.flatMap((run) => speedLines(run, ownerOf(run) || 'all workers', options))],
  ]);
}

/** A figure of a run's steps, and the same of the validation samples. @param owner its name, where there are others */
function figureLines(run: RunView, name: string, owner: string, { axis, smoothing }: LineOptions): Line[] {
  const label = owner || 'training';
  const { colour } = run;
  const { series, places } = run.drawn(axis) ?? {};
  const column = series?.columns[name];
  if (!series || !places || !column) return [];
  const raw: Curve = { x: places, y: column.mean };
  const spread = column.min && column.max ? { min: column.min, max: column.max } : undefined;
  const curve: Line[] =
    smoothing === 0 || name === 'learningRate'
      ? [{ ...raw, label, colour, style: 'line', spread }]
      : [
          { ...raw, label, colour, style: 'faint' },
          { x: places, y: smoothed(column.mean, smoothing, series.stride), label, colour, style: 'line' },
        ];
  const isAlone = owner === '';
  const validation = epochLine(
    run,
    validationName(name),
    isAlone ? 'validation' : `${owner}, validation`,
    isAlone ? (colours[1] ?? colour) : colour,
    axis,
  );
  return [...curve, ...validation];
}

function epochLine(run: RunView, name: string, label: string, colour: string, axis: XAxis): Line[] {
  const { snapshot } = run;
  const { series, places } = run.whole(axis) ?? {};
  if (!snapshot || !series || !places || snapshot.epochs.every((line) => line[name] === undefined)) return [];
  return [{ ...epochCurve(snapshot, name, series, places), label, colour, style: 'dashed' }];
}

function speedLines(run: RunView, label: string, { axis }: LineOptions): Line[] {
  const { snapshot, colour } = run;
  const { series, places } = run.whole(axis) ?? {};
  if (!snapshot || !series || !places || snapshot.pace.length === 0) return [];
  return [{ ...speedCurve(snapshot, series, places), label, colour, style: 'line' }];
}
