import { Command } from 'commander';
import type { ColumnReport, DataReport } from '../../data/inspectData.js';
import { say } from '../../shared/text/say.js';
import { textTable } from '../../shared/text/textTable.js';
import { amount, figure } from '../screen/format.js';
import { print } from '../screen/print.js';

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('what is in a data set: rows, columns, types, ranges, missing values, class balance')
    .argument(
      '<data>',
      'IDX, .npy, FILE.npz#NAME, CSV, JSON lines or Parquet, or the address of one; or a folder of images with a folder a class',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  bpnn-dist inspect flowers.csv')
    .action(inspect);
}

async function inspect(path: string, { json }: { readonly json?: boolean }): Promise<void> {
  const { cachesElsewhere } = await import('../../data/cache/place.js');
  const { inspectData } = await import('../../data/inspectData.js');
  const report = await inspectData(path, { folders: cachesElsewhere('runs'), say });
  print(json ? JSON.stringify(report) : reportText(report));
}

function reportText({ path, format, rows, columns }: DataReport): string {
  const table = [['column', 'type', 'least', 'most', 'mean', 'missing', 'values'], ...columns.map(cells)];
  return `${path}: ${format}, ${amount(rows, 'row')}\n\n${textTable(table)}`;
}

/** Values that are shown with how often they come. */
const mostShown = 10;

function cells({ name, type, least, most, mean, missing, missingTexts, counts }: ColumnReport): string[] {
  const number = (value: number | undefined): string =>
    value === undefined ? '' : Number.isInteger(value) ? String(value) : figure(value);
  return [
    name,
    type,
    number(least),
    number(most),
    number(mean),
    missing === 0 ? '' : `${missing}${missingTexts ? ` (${missingTexts.join(', ')})` : ''}`,
    counts ? balance(counts) : 'many',
  ];
}

/** `setosa 50, versicolor 50, virginica 50` */
function balance(counts: Readonly<Record<string, number>>): string {
  const shown = Object.entries(counts).map(([value, count]) => `${value} ${count}`);
  return shown.length > mostShown ? `${shown.length} different` : shown.join(', ');
}
