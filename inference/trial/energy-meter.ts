import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Counts the energy that the processors of this machine take, idle share and other processes included. */
export interface EnergyMeter {
  /** Joules since the last call, or since the meter was found. */
  read(): Promise<number>;
}

const JOULES_PER_MICROJOULE = 1e-6;

interface Counter {
  /** File with microjoules that only grow. */
  path: string;
  /** Where it starts again at 0. */
  wrapsAt: number;
}

/**
 * The machine's energy counters, where it has some that this process may read: RAPL's packages (Linux
 * Documentation/power/powercap; Intel, and AMD from Zen on), else what drivers such as amd_energy give
 * (Documentation/hwmon/sysfs-interface: energy*_input). Undefined where there is none, as in most virtual machines.
 *
 * @param sys where sysfs is
 */
export async function findEnergyMeter(sys = '/sys'): Promise<EnergyMeter | undefined> {
  const counters = (await raplCounters(sys)) ?? (await hwmonCounters(sys));
  if (counters === undefined) return undefined;
  let last = await Promise.all(counters.map(({ path }) => numberIn(path)));
  return {
    read: async () => {
      const now = await Promise.all(counters.map(({ path }) => numberIn(path)));
      const grown = counters.map(({ wrapsAt }, i) => {
        const difference = (now[i] ?? 0) - (last[i] ?? 0);
        return difference < 0 ? difference + wrapsAt : difference;
      });
      last = now;
      return grown.reduce((sum, each) => sum + each, 0) * JOULES_PER_MICROJOULE;
    },
  };
}

/** One for each processor package: `intel-rapl:0`; `intel-rapl:0:1` is a part of it, and `psys` holds all again. */
async function raplCounters(sys: string): Promise<Counter[] | undefined> {
  const folder = join(sys, 'class/powercap');
  const packages = (await listed(folder)).filter((name) => /^intel-rapl:\d+$/.test(name));
  const counters: Counter[] = [];
  for (const name of packages) {
    if (!(await textIn(join(folder, name, 'name'))).startsWith('package')) continue;
    const path = join(folder, name, 'energy_uj');
    const wrapsAt = await numberIn(join(folder, name, 'max_energy_range_uj'));
    if (Number.isFinite(await numberIn(path)) && wrapsAt > 0) counters.push({ path, wrapsAt });
  }
  return counters.length === 0 ? undefined : counters;
}

/** One for each socket; counters of single cores would be counted twice. */
async function hwmonCounters(sys: string): Promise<Counter[] | undefined> {
  const folder = join(sys, 'class/hwmon');
  const counters: Counter[] = [];
  for (const device of await listed(folder))
    for (const file of await listed(join(folder, device))) {
      const number = /^energy(\d+)_input$/.exec(file)?.[1];
      if (number === undefined) continue;
      const label = await textIn(join(folder, device, `energy${number}_label`));
      const path = join(folder, device, file);
      if (/socket/i.test(label) && Number.isFinite(await numberIn(path)))
        counters.push({ path, wrapsAt: 2 ** 64 });
    }
  return counters.length === 0 ? undefined : counters;
}

async function listed(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function textIn(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

/** NaN where there is none, or this process may not read it (Linux keeps RAPL for root since CVE-2020-8694). */
async function numberIn(path: string): Promise<number> {
  const text = await textIn(path);
  return text === '' ? Number.NaN : Number(text);
}
