import type { Command } from 'commander';

/**
 * The flags that a user has given a command, as words of a command line that says the same.
 * @param except names of flags, as `--dry-run`, that are left out
 */
export function givenWords(command: Command, except: ReadonlySet<string>): string[] {
  return command.options.flatMap((option) => {
    const name = option.attributeName();
    if (option.long === undefined || except.has(option.long) || command.getOptionValueSource(name) !== 'cli') return [];
    const value: unknown = command.getOptionValue(name);
    // --x and --no-x are two options with one value.
    if (value === false || option.negate) return value === false && option.negate ? [option.long] : [];
    return value === true ? [option.long] : [option.long, String(value)];
  });
}
