import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import type { ExecutionContext } from 'ava';
import { freePort } from '../../cli/demo/free-port.ts';
import { temporaryFolder } from './temporary.ts';
import { until } from './until.ts';

/** An MQTT broker that can be stopped and started again on the same port. */
export interface TestBroker {
  name: string;
  url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A broker inside the test's own process. */
export async function aedesBroker(t: ExecutionContext): Promise<TestBroker> {
  const port = await freePort();
  const broker = await Aedes.createBroker();
  // Its timers would keep the test's process alive.
  t.teardown(() => new Promise<void>((resolve) => broker.close(resolve)));
  let server: ReturnType<typeof createServer> | undefined;
  const sockets = new Set<Socket>();
  return {
    name: 'aedes',
    url: `mqtt://127.0.0.1:${port}`,
    start: async () => {
      server = createServer((socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        broker.handle(socket);
      }).listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    stop: async () => {
      const closing = server;
      server = undefined;
      if (closing === undefined) return;
      closing.close();
      for (const socket of sockets) socket.destroy();
      await once(closing, 'close');
    },
  };
}

export function hasMosquitto(): boolean {
  try {
    execFileSync('mosquitto', ['-h'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== 'ENOENT';
  }
}

/** Debian's broker, as a process of its own. Sessions are kept over a restart. */
export async function mosquittoBroker(t: ExecutionContext): Promise<TestBroker> {
  const port = await freePort();
  const dir = await temporaryFolder(t);
  const config = join(dir, 'mosquitto.conf');
  await writeFile(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location ${dir}/\nuser root\n`,
  );
  let process: ChildProcess | undefined;
  return {
    name: 'mosquitto',
    url: `mqtt://127.0.0.1:${port}`,
    start: async () => {
      process = spawn('mosquitto', ['-c', config], { stdio: 'ignore' });
      await until('mosquitto listens', () => answers(port));
    },
    stop: async () => {
      const ending = process;
      process = undefined;
      if (ending === undefined) return;
      ending.kill('SIGTERM');
      if (ending.exitCode === null && ending.signalCode === null) await once(ending, 'exit');
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
