import { Command, CommanderError } from 'commander';
import { errorRecord, isAbort } from '../core/index.ts';
import { type CliContext, UsageError } from './context.ts';
import { addExamples } from './verbs/examples.ts';
import { loadVerbs } from './verbs/index.ts';
import { VERSION } from './version.ts';

/** The exit codes of the command: done, failed, called wrongly. */
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Runs the command in this process and sets its exit code. */
export async function run(argv: string[]): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  // `floormesh events | head` closes our output: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') stopping.abort();
  });
  process.exitCode = await runWith(argv, {
    out: process.stdout,
    err: process.stderr,
    env: process.env,
    signal: stopping.signal,
    isTty: process.stdout.isTTY,
  });
}

/** Runs the command in a given context. Returns its exit code and throws nothing. */
export async function runWith(argv: string[], context: CliContext): Promise<number> {
  try {
    await (await program(argv, context)).parseAsync(argv);
    return 0;
  } catch (error) {
    return report(error, argv, context);
  }
}

/** The command line, with the verbs that these arguments need. */
export async function program(argv: readonly string[], context: CliContext): Promise<Command> {
  const command = new Command('floormesh')
    .description('A mesh that brings machine-learning models to the machines on a factory floor')
    .version(VERSION)
    .showHelpAfterError('(add --help for what this verb takes)')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => context.out.write(text),
      writeErr: (text) => context.err.write(text),
    });
  for (const verb of await loadVerbs(argv)) verb(command, context);
  addExamples(command);
  throwInsteadOfExit(command);
  return command;
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}

function report(error: unknown, argv: readonly string[], context: CliContext): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (context.signal.aborted && isAbort(error)) return EXIT_FAILED;
  const record = errorRecord(error);
  if (argv.includes('--json')) context.err.write(`${JSON.stringify({ error: record })}\n`);
  else {
    context.err.write(`error ${record.code}: ${record.message}\n`);
    if (record.hint !== undefined && record.hint !== '') context.err.write(`  ${record.hint}\n`);
  }
  if (context.env.FLOORMESH_DEBUG === '1' && error instanceof Error) context.err.write(`${error.stack}\n`);
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
}
