import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { UsageError } from '../../shared/text/errors.js';

/** Arguments that a command does not take, and what they are likely to be. */

/** @throws UsageError where there are more arguments than the command takes, or one is blank */
export function refuseSurplus(command: Command): void {
  const { args, registeredArguments } = command;
  const most = registeredArguments.at(-1)?.variadic ? Number.POSITIVE_INFINITY : registeredArguments.length;
  const blank = args.find((argument) => argument.trim() === '');
  if (args.length > most) {
    const expected = most === 0 ? 'no argument' : `at most ${most} argument${most === 1 ? '' : 's'}`;
    const got = `${args.length}: ${args.map(shownArgument).join(' ')}`;
    throw new UsageError(`${command.name()}: expected ${expected}, got ${got}; ${likelyReason(args, args.slice(most), existsSync)}`);
  }
  if (blank !== undefined) {
    const got = `got ${shownArgument(blank)}; ${likelyReason([blank], [], existsSync)}`;
    throw new UsageError(`${command.name()}: expected no blank argument, ${got}`);
  }
}

/** An argument in quotes, with every character that cannot be seen as its code. */
export function shownArgument(argument: string): string {
  return JSON.stringify(argument).replace(/[\u007f-\u00a0\u00ad\u2000-\u200f\u2028-\u202f\u2060-\u206f\u3000\ufeff]/g, codeOf);
}

function codeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * What a shell is likely to have made these arguments of.
 * @param surplus those beyond what the command takes
 */
export function likelyReason(all: readonly string[], surplus: readonly string[], exists: (path: string) => boolean): string {
  const some = (pattern: RegExp): boolean => all.some((argument) => pattern.test(argument));
  if (some(/\r/)) return 'the command has line ends of Windows (CR LF): save the script with those of Unix';
  if (all.includes('')) return 'an argument is empty: is a variable in quotes not set?';
  if (some(/^\s/))
    return 'a blank follows a backslash: one that continues a line must be the last character of the line, without a comment behind it';
  if (some(/^[\u2010-\u2015\u2212]/)) return 'a flag begins with a long dash: expected two hyphens, as in --epochs';
  if (some(/^#/)) return 'a comment has become an argument: shells that are typed into may not know comments';
  if (some(/^-./)) return 'a flag behind -- counts as an argument';
  if (all.length > 1 && all.every(exists)) return 'if the shell has replaced a pattern such as * by these files, put it in quotes';
  const pair = surplus.find((argument) => /^[A-Za-z][\w.]*[=:]./.test(argument));
  if (pair !== undefined) return `keys of the config are given as flags, as in --${pair.split(/[=:]/, 1)[0]} VALUE`;
  return 'a value with blanks needs quotes';
}
