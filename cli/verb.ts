import type { Command } from 'commander';
import { type CliContext, UsageError } from './context.ts';

/** What every verb that talks to a gateway takes. */
export interface GatewayOptions {
  site?: string;
  json?: boolean;
}

/** Adds the options of `GatewayOptions` to a command. */
export function gatewayOptions(command: Command): Command {
  return command
    .option('--site <dir>', 'folder of the site or of its gateway (also FLOORMESH_SITE)')
    .option('--json', 'print JSON: one document, or one per line where it streams');
}

/** Prints a result: as one JSON document where that was asked for, else for people. */
export function print(
  context: CliContext,
  json: boolean | undefined,
  value: unknown,
  text: () => string,
): void {
  context.out.write(json === true ? `${JSON.stringify(value)}\n` : text());
}

/** For commander: gathers an option that may be given many times. */
export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** Splits `KEY=VALUE`. @throws {UsageError} */
export function pair(text: string, option: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0 || at === text.length - 1) throw new UsageError(`${option} takes KEY=VALUE, not ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Splits `NAME[@VERSION]`. @throws {UsageError} */
export function nameAndVersion(text: string): { name: string; version?: string } {
  const [name = '', version, more] = text.split('@');
  if (name === '' || version === '' || more !== undefined)
    throw new UsageError(`not NAME or NAME@VERSION: ${text}`);
  return version === undefined ? { name } : { name, version };
}
