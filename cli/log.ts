import { pino, type Logger as Pino } from 'pino';

/** A daemon's log: JSON lines on standard error, secrets cut out. */
export function daemonLog(level: string, role: string, name: string): Pino {
  return pino(
    { level, base: { role, name }, redact: ['token', 'seed', '*.token', '*.seed'] },
    pino.destination({ dest: 2, sync: true }),
  );
}
