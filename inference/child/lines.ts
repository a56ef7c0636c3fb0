import type { Readable } from 'node:stream';
import { MAX_LINE_CHARS, MAX_LINES_PER_SECOND } from '../constants.ts';

const MAX_HELD_CHARS = 4 * MAX_LINE_CHARS;

/**
 * Gives a child's output line by line: long lines are cut, and what comes faster than `MAX_LINES_PER_SECOND` is
 * counted and dropped, so that a chatty child costs neither memory nor disk.
 */
export function readLines(stream: Readable, onLine: (line: string, dropped: number) => void): void {
  let held = '';
  let second = 0;
  let inSecond = 0;
  let dropped = 0;
  const give = (line: string): void => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, inSecond] = [now, 0];
    inSecond += 1;
    if (inSecond > MAX_LINES_PER_SECOND) {
      dropped += 1;
      return;
    }
    onLine(line.slice(0, MAX_LINE_CHARS), dropped);
    dropped = 0;
  };
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (held + text).split('\n');
    held = (lines.pop() ?? '').slice(0, MAX_HELD_CHARS);
    for (const line of lines) if (line !== '') give(line);
  });
  stream.on('end', () => {
    if (held !== '') give(held);
  });
  stream.on('error', () => stream.destroy());
}
