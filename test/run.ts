/** The test command: type check, lint, tests. Ends with `N passed, N failed`, and fails when anything did. */
import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Count {
  passed: number;
  failed: number;
}

/** Runs a tool from node_modules and hands its output on, line by line. */
function runTool(
  tool: string,
  args: string[],
  onLine: (line: string) => void,
  priority: number = constants.priority.PRIORITY_NORMAL,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(`${ROOT}node_modules/.bin/${tool}`, args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.once('error', reject);
    if (child.pid !== undefined) setPriority(child.pid, priority);
    const lines = createInterface({ input: child.stdout });
    lines.on('line', onLine);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/**
 * A tool that passes or fails as a whole. It gets what the tests leave of this machine, and what it says is printed when
 * it has ended.
 */
async function check(name: string, tool: string, args: string[]): Promise<Count> {
  const lines: string[] = [];
  const keep = (line: string): void => void lines.push(line);
  const code = await runTool(tool, args, keep, constants.priority.PRIORITY_BELOW_NORMAL);
  for (const line of lines) console.log(line);
  console.log(`${code === 0 ? 'ok' : 'not ok'} - ${name}`);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** AVA by its TAP output: one line a test, and the details of those that failed. */
async function tests(files: string[]): Promise<Count> {
  const count: Count = { passed: 0, failed: 0 };
  const code = await runTool('ava', ['--tap', ...files], (line) => {
    if (/^ok \d/.test(line)) count.passed += 1;
    if (/^not ok \d/.test(line)) count.failed += 1;
    if (!/^(?:TAP version|1\.\.|# |---tty)/.test(line)) console.log(line);
  });
  // A worker that dies is no test, but it is a failure.
  if (code !== 0 && count.failed === 0) count.failed = 1;
  return count;
}

/** What is checked beside the tests, one after the other. */
async function checks(): Promise<Count[]> {
  return [
    await check('type check', 'tsc', ['--noEmit']),
    await check('lint', 'eslint', ['.']),
    await check('format', 'prettier', ['--check', '--log-level', 'warn', '.']),
  ];
}

const files = process.argv.slice(2);
const counts = files.length > 0 ? [await tests(files)] : (await Promise.all([checks(), tests([])])).flat();
const total = counts.reduce((sum, { passed, failed }) => ({
  passed: sum.passed + passed,
  failed: sum.failed + failed,
}));
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
