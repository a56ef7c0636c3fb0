import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const DEVICES = '/sys/class/video4linux';

/** A V4L2 camera of the kernel's test driver (`modprobe vivid`), where there is one: it shows coloured bars. */
export async function vividCamera(): Promise<string | undefined> {
  const names = await readdir(DEVICES).catch(() => []);
  for (const name of names.sort()) {
    const driver = await readFile(join(DEVICES, name, 'name'), 'utf8').catch(() => '');
    if (driver.startsWith('vivid') && driver.includes('vid-cap')) return join('/dev', name);
  }
  return undefined;
}
