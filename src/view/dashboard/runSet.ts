import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UsageError } from '../../shared/text/errors.js';
import { FollowedRun } from './followedRun.js';

/** Milliseconds that a listing of folders is good for. */
const freshness = 250;

/** The runs that are looked at: folders of runs, and folders that hold such. */
export class RunSet {
  readonly #places: string[] = [];
  readonly #runs = new Map<string, FollowedRun>();
  /** When a run was made, by its path: that does not change. */
  readonly #born = new Map<string, number>();
  #listed: readonly FollowedRun[] = [];
  #listedAt = Number.NEGATIVE_INFINITY;

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
    this.#listedAt = Number.NEGATIVE_INFINITY;
  }

  /** All runs that are there now, oldest first. */
  all(): readonly FollowedRun[] {
    if (performance.now() - this.#listedAt < freshness) return this.#listed;
    // One that is found in several places is of the first.
    const places = new Map(this.#places.toReversed().flatMap((place) => runsIn(place).map((path): [string, string] => [path, place])));
    const found = [...places].sort(([a], [b]) => this.#bornAt(a) - this.#bornAt(b) || a.localeCompare(b));
    this.#listed = found.map(([path, place]) => this.#runs.get(path) ?? this.#follow(path, place));
    this.#listedAt = performance.now();
    return this.#listed;
  }

  get(id: string): FollowedRun | undefined {
    return this.all().find((run) => run.id === id);
  }

  #follow(path: string, place: string): FollowedRun {
    const run = new FollowedRun(this.#idFor(path), path, place);
    this.#runs.set(path, run);
    return run;
  }

  /** Its name, and a number where two have the same. */
  #idFor(path: string): string {
    const taken = new Set([...this.#runs.values()].map(({ id }) => id));
    const name = basename(path);
    let id = name;
    for (let i = 2; taken.has(id); i++) id = `${name}~${i}`;
    return id;
  }

  #bornAt(path: string): number {
    const known = this.#born.get(path);
    if (known !== undefined) return known;
    const born = lstatSync(join(path, 'config.yaml'), { throwIfNoEntry: false })?.birthtimeMs ?? 0;
    this.#born.set(path, born);
    return born;
  }
}

function isRun(path: string): boolean {
  return existsSync(join(path, 'config.yaml')) && existsSync(join(path, 'metrics.jsonl'));
}

/** A run itself, the runs in a folder, or those of an experiment. Of a folder that cannot be read, or is gone: none. */
function runsIn(path: string): string[] {
  if (isRun(path)) return [path];
  return [path, join(path, 'runs')].flatMap((folder) => {
    try {
      return readdirSync(folder)
        .map((name) => join(folder, name))
        .filter(isRun);
    } catch {
      return [];
    }
  });
}
