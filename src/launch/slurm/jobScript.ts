import { readFileSync } from 'node:fs';
import { RunError } from '../../shared/text/errors.js';
import { quoted, refuseControls } from '../../shared/text/shellWord.js';

/** What Slurm gives a job: options of sbatch by their long names, in the order in which they are written. */
export type SbatchOptions = readonly (readonly [name: string, value: string | number | true])[];

/** A line of settings in a job script: a variable of the shell, one word or a list of them. */
export type Settings = Readonly<Record<string, string | readonly string[]>>;

/** The scripts of deploy/slurm, which are jobs as they stand. */
export type Template = 'train' | 'scale' | 'report';

const endOfSettings = '# end of the settings';

/**
 * A job script: the one in deploy/slurm with other options and settings. What it says of them stays; an option that it
 * has and that is not among these, such as GPUs, is left out with it, but for those that make a job resume.
 * @throws UsageError for a value with a control character
 */
export function jobScript(template: Template, options: SbatchOptions, settings: Settings): string {
  const file = `${template}.sbatch`;
  const text = readFileSync(new URL(import.meta.resolve(`#deploy/slurm/${file}`)), 'utf8');
  const [head = '', body] = text.split(endOfSettings);
  if (body === undefined) throw new RunError(`deploy/slurm/${file}: expected a line "${endOfSettings}"`);
  return `${withSettings(withOptions(head, options), settings)}${endOfSettings}${body}`;
}

/** Options that are the script's own: what it does depends on them. */
const own: ReadonlySet<string> = new Set(['requeue', 'no-kill', 'open-mode', 'signal', 'output']);

function withOptions(head: string, options: SbatchOptions): string {
  const wanted = new Map(options.map(([name, value]) => [name, directive(name, value)]));
  const lines = head.split('\n').flatMap((line) => {
    const [, name] = /^#SBATCH --([\w-]+)/.exec(line) ?? [];
    if (name === undefined) return [line];
    const replaced = wanted.get(name);
    wanted.delete(name);
    if (replaced !== undefined) return [replaced];
    return own.has(name) && !(name === 'requeue' && wanted.has('no-requeue')) ? [line] : [];
  });
  // Those that the template has not stand before those that it has.
  const first = lines.findIndex((line) => line.startsWith('#SBATCH'));
  return lines.toSpliced(first, 0, ...wanted.values()).join('\n');
}

function directive(name: string, value: string | number | true): string {
  if (value === true) return `#SBATCH --${name}`;
  refuseControls(`sbatch --${name}`, String(value));
  // sbatch splits a line at blanks, unless they are in quotes.
  return `#SBATCH --${name}=${/[\s#"']/.test(String(value)) ? `"${String(value).replaceAll('"', '\\"')}"` : value}`;
}

function withSettings(head: string, settings: Settings): string {
  return head
    .split('\n')
    .map((line) => {
      const [, name = ''] = /^(\w+)=/.exec(line) ?? [];
      const value = settings[name];
      if (value === undefined) return line;
      for (const word of [value].flat()) refuseControls(`${name} of the job script`, word);
      return `${name}=${typeof value === 'string' ? quoted(value) : `(${value.map(quoted).join(' ')})`}`;
    })
    .join('\n');
}
