import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UsageError } from '../../shared/errors.js';
import { FollowedRun } from './followedRun.js';

/** The runs that are looked at: folders of runs, and folders that hold such. */
export class RunSet {
  readonly #places: string[] = [];
  readonly #runs = new Map<string, FollowedRun>();

  /** @throws UsageError where there is no run in it */
  add(place: string): void {
    const path = resolve(place);
    if (!existsSync(path)) throw new UsageError(`${place}: no such folder`);
    if (runsIn(path).length === 0) {
      throw new UsageError(
        `${place}: there is no run in it: expected a folder with config.yaml and metrics.jsonl, or a folder of such folders`,
      );
    }
    this.#places.push(path);
  }

  /** A run that has just begun. */
  addRun(path: string): void {
    this.#places.push(resolve(path));
  }

  /** All runs that are there now, oldest first. */
  all(): readonly FollowedRun[] {
    const found = [...new Set(this.#places.flatMap((place) => (isRun(place) ? [place] : runsIn(place))))];
    for (const path of found) if (!this.#runs.has(path)) this.#runs.set(path, new FollowedRun(this.#idFor(path), path));
    return found.flatMap((path) => this.#runs.get(path) ?? []);
  }

  get(id: string): FollowedRun | undefined {
    return this.all().find((run) => run.id === id);
  }

  /** Its name, and a number where two have the same. */
  #idFor(path: string): string {
    const taken = new Set([...this.#runs.values()].map(({ id }) => id));
    const name = basename(path);
    let id = name;
    for (let i = 2; taken.has(id); i++) id = `${name}~${i}`;
    return id;
  }
}

function isRun(path: string): boolean {
  return existsSync(join(path, 'config.yaml')) && existsSync(join(path, 'metrics.jsonl'));
}

/** A run itself, the runs in a folder, or those of an experiment; by age. */
function runsIn(path: string): string[] {
  if (isRun(path)) return [path];
  const inside = [path, join(path, 'runs')].flatMap((folder) => {
    if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
    return readdirSync(folder).map((name) => join(folder, name));
  });
  const born = (run: string): number => statSync(join(run, 'config.yaml')).birthtimeMs;
  return inside.filter(isRun).sort((a, b) => born(a) - born(b) || a.localeCompare(b));
}
